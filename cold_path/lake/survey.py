"""What the rows of the lake add up to: highest offsets, latest broker time, each vehicle's newest reading, counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cold_path.lake.sequences import Newest
    from cold_path.source.offsets import Offsets

SURVEYED: Final = (
    "partition",
    "offset",
    "received_at_ms",
    "rejected_reason",
    "repeated",
    "vehicle_id",
    "trip_started_at_ms",
    "sequence",
)


@dataclass(slots=True)
class Survey:
    """A fold over rows in any order; `add` each row once."""

    highest_offsets: Offsets = field(default_factory=dict)
    latest_ms: int = 0
    """The latest broker time of any record."""
    newest: Newest = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    """Rows by outcome: good, repeated (good as well, but counted here alone), or the reason of rejection."""

    @property
    def rows(self) -> int:
        """All rows."""
        return self.outcomes.total()

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add rows with the columns SURVEYED."""
        for batch in batches:
            if batch.num_rows:
                self._add(pa.Table.from_batches([batch]))

    def _add(self, rows: pa.Table) -> None:
        highest = rows.group_by("partition").aggregate([("offset", "max")]).to_pydict()
        for partition, offset in zip(highest["partition"], highest["offset_max"], strict=True):
            self.highest_offsets[partition] = max(offset, self.highest_offsets.get(partition, -1))
        self.latest_ms = max(self.latest_ms, pc.max(rows.column("received_at_ms")).as_py())
        counted = rows.group_by(["rejected_reason", "repeated"]).aggregate([([], "count_all")]).to_pydict()
        for reason, again, count in zip(
            counted["rejected_reason"], counted["repeated"], counted["count_all"], strict=True
        ):
            self.outcomes[reason or ("repeated" if again else "good")] += count
        self._add_newest(rows.filter(pc.is_valid(rows.column("vehicle_id"))))

    def _add_newest(self, good: pa.Table) -> None:
        trips = good.group_by(["vehicle_id", "trip_started_at_ms"]).aggregate([("sequence", "max")]).to_pydict()
        for vehicle_id, started, sequence in zip(
            trips["vehicle_id"], trips["trip_started_at_ms"], trips["sequence_max"], strict=True
        ):
            self.newest[vehicle_id] = max((started, sequence), self.newest.get(vehicle_id, (0, 0)))
