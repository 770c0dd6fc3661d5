"""The lake's own ledger: each ingest commit says which offsets the lake covers from then on, in its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from contracts.errors import InvalidInput, MalformedRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cold_path.source.offsets import Offsets

APPLICATION: Final = "connected-cars-ingest"
"""Delta's transaction application id: of two commits with one entry number, Delta lets one through."""


class Entry(msgspec.Struct, frozen=True, tag="ingest"):
    """What one ingest commit says of itself; written as the commit's user metadata."""

    number: int
    """1, 2, 3 …; Delta's transaction version."""
    topic: str
    covered: dict[str, int]
    """Partition to the first offset not covered, of all ingests so far."""
    lost: dict[str, tuple[int, int]] = {}
    """Partition to the range that had expired, end exclusive, when its loss was accepted."""

    @property
    def offsets(self) -> Offsets:
        """Partition to the first offset not covered."""
        return {int(partition): offset for partition, offset in self.covered.items()}


def written(entry: Entry) -> str:
    """Write an entry for a commit's metadata."""
    return msgspec.json.encode(entry).decode()


def newest(metadata: Iterable[str | None]) -> Entry | None:
    """Give the newest entry, from the commits' metadata, newest first; others' commits have none or another kind."""
    for text in metadata:
        try:
            return msgspec.json.decode(text or "", type=Entry)
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
    return None


def following(entry: Entry | None, *, topic: str, ends: Offsets, lost: Mapping[int, tuple[int, int]]) -> Entry:
    """Give the entry of the next ingest. Raises InvalidInput when the lake was filled from another topic."""
    if entry is not None and entry.topic != topic:
        message = f"the lake was filled from topic {entry.topic}, not {topic}; give another --lake or --readings-topic"
        raise InvalidInput(message)
    covered = {str(partition): offset for partition, offset in sorted(ends.items())}
    ranges = {str(partition): offsets for partition, offsets in lost.items()}
    return Entry(number=entry.number + 1 if entry else 1, topic=topic, covered=covered, lost=ranges)


def agreed(entry: Entry | None, highest: Mapping[int, int]) -> Offsets:
    """Give the covered offsets, once the ledger and the rows (partition to highest offset) agree.

    Raises MalformedRecord when rows lie at or above what the ledger says is covered.
    """
    covered = entry.offsets if entry else {}
    for partition, offset in sorted(highest.items()):
        if offset >= covered.get(partition, 0):
            raise MalformedRecord(
                f"the lake holds offset {offset} of partition {partition}, but its ledger ends at "
                f"{covered.get(partition, 0)}: something else wrote into it; restore it, or fill a new --lake"
            )
    return covered
