"""Which offsets a run ingests: planned before the first record is read, from the ledger and the broker's bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

Offsets = dict[int, int]
"""Partition to offset."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the broker holds of a topic, by partition."""

    beginnings: Offsets
    """The first offset kept."""
    ends: Offsets
    """The last stable offset: records from there on are not given yet, or wait for the end of a transaction."""
    held: Offsets = field(default_factory=dict)
    """The high watermark, of the partitions where an open transaction keeps the last stable offset below it."""

    @property
    def held_from(self) -> Offsets:
        """By held partition the offset at which the oldest open transaction began."""
        return {partition: self.ends[partition] for partition in self.held}

    def high_watermark(self, partition: int) -> int | None:
        """Return the first offset that is not given yet; None for a partition that the topic does not have."""
        return self.held.get(partition, self.ends.get(partition))


@dataclass(frozen=True, slots=True)
class Plan:
    """The offsets to ingest, `starts` inclusive, `ends` exclusive; `lost` had expired before they were ingested.

    There need not be a record at every offset: compaction and transactions leave holes.
    """

    starts: Offsets
    ends: Offsets
    lost: dict[int, tuple[int, int]]

    @property
    def offsets(self) -> int:
        """The number of offsets, at least that of the records."""
        return sum(self.ends.values()) - sum(self.starts.values())


def plan(covered: Mapping[int, int], bounds: Bounds, *, accept_loss: bool = False) -> Plan:
    """Plan from the first offset not covered to the last stable one: an open transaction holds its partition back.

    Raises InvalidInput when offsets have expired and the loss is not accepted, or when the high watermark lies below
    what is covered, since then the topic is not the one that the lake was filled from. The last stable offset may: the
    lake was filled while uncommitted records were taken.
    """
    _refuse_another_topic(covered, bounds)
    lost = {
        partition: (covered.get(partition, 0), first)
        for partition, first in bounds.beginnings.items()
        # A partition that starts later than 0 before the first run has lost records as well.
        if first > covered.get(partition, 0)
    }
    if lost and not accept_loss:
        ranges = sorted(lost.items())
        missing = ", ".join(f"partition {number}: {first} to {end - 1}" for number, (first, end) in ranges)
        raise InvalidInput(
            f"offsets expired at the broker before they were ingested ({missing}); "
            "give --accept-loss to go on without them, or restore the lake from a copy"
        )
    starts = {
        partition: max(covered.get(partition, 0), first) for partition, first in sorted(bounds.beginnings.items())
    }
    ends = {partition: max(end, starts[partition]) for partition, end in sorted(bounds.ends.items())}
    return Plan(starts, ends, lost)


def _refuse_another_topic(covered: Mapping[int, int], bounds: Bounds) -> None:
    for partition, offset in sorted(covered.items()):
        end = bounds.high_watermark(partition)
        if end is None or end < offset:
            raise InvalidInput(
                f"the lake covers partition {partition} up to offset {offset}, but the broker's ends at {end}: "
                "this is another topic, or one made anew; give another --lake and --views, or the right --bootstrap"
            )
