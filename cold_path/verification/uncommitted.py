"""Rows of the lake that are no committed records of Kafka, or are of record batches that are refused as a whole.

They were taken in before the cold path left out what is aborted, and read by bounds. Such a lake keeps them, so its
totals may differ from those of the records that count; this module tells by which rows.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from deltalake import DeltaTable

from cold_path.lake.lookup import lake_rows
from cold_path.lake.table import newest_entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from cold_path.source.offsets import Offsets
    from cold_path.verification.totals import Trip

_Integers = np.ndarray[Any, np.dtype[np.int64]]
_READ: Final = ["partition", "offset", "vehicle_id", "trip_started_at_ms"]


class CommittedOffsets:
    """The offsets of the committed records, by partition; eight bytes each."""

    def __init__(self) -> None:
        """Start without a record."""
        self._offsets: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))

    def add(self, partition: int, offset: int) -> None:
        """Add a record; each partition's in offset order."""
        self._offsets[partition].append(offset)

    def lacks(self, partition: int, offsets: _Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell at which of the offsets there is no committed record."""
        known = np.asarray(self._offsets[partition], np.int64)
        if not len(known):
            return np.ones(len(offsets), np.bool_)
        at = np.minimum(np.searchsorted(known, offsets), len(known) - 1)
        return np.not_equal(known[at], offsets)


class OffsetSpan(NamedTuple):
    """Rows of one partition: how many, and the first and last offset."""

    records: int
    first: int
    last: int


@dataclass(slots=True)
class Uncommitted:
    """The lake's rows that are no committed records."""

    spans: dict[int, OffsetSpan] = field(default_factory=dict)
    """By partition."""
    trips: set[Trip] = field(default_factory=set)
    """What the readings among them belong to."""

    @property
    def records(self) -> int:
        """All of them."""
        return sum(span.records for span in self.spans.values())

    def add(self, partition: int, rows: pa.RecordBatch) -> None:
        """Add rows of a partition."""
        offsets = rows.column("offset").to_numpy()
        known = self.spans.get(partition, OffsetSpan(0, offsets.min(), offsets.max()))
        first, last = min(known.first, offsets.min()), max(known.last, offsets.max())
        self.spans[partition] = OffsetSpan(known.records + len(offsets), int(first), int(last))
        trips = zip(rows.column("vehicle_id").to_pylist(), rows.column("trip_started_at_ms").to_pylist(), strict=True)
        self.trips |= {trip for trip in trips if trip[0] is not None}


def uncommitted_rows(
    lake: Path, committed: CommittedOffsets, *, topic: str, covered: Mapping[int, int], reached: Offsets
) -> Uncommitted | None:
    """Look for them below `reached`, up to which `committed` is complete.

    None where `lake` holds no lake, or one that the version which covers `covered` was not computed from.
    """
    if not DeltaTable.is_deltatable(str(lake)):
        return None
    table = DeltaTable(str(lake))
    entry = newest_entry(table)
    if entry is None or entry.topic != topic or any(entry.offsets.get(at, 0) < end for at, end in covered.items()):
        return None
    found = Uncommitted()
    for rows in lake_rows(table).to_batches(columns=_READ):
        partitions, offsets = rows.column("partition").to_numpy(), rows.column("offset").to_numpy()
        for partition in np.unique(partitions).tolist():
            read = np.flatnonzero((partitions == partition) & (offsets < reached.get(partition, 0)))
            never = read[committed.lacks(partition, offsets[read])]
            if len(never):
                found.add(partition, rows.take(never))
    return found
