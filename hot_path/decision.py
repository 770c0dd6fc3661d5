"""What one chunk of records does: alerts, rejections, counts. Pure; the fold it changes is handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.errors import MalformedReading
from contracts.plausibility import believe
from hot_path.rejecting import Rejections
from runtime.kafka.chunk import RefusedBatch

if TYPE_CHECKING:
    from contracts.alert import Alert
    from hot_path.rejecting import RejectedRecord
    from rules.partition import PartitionFold
    from runtime.kafka.chunk import Chunk, RecordBatch


@dataclass(slots=True)
class Effects:
    """What follows from a chunk, in the order of its records."""

    alerts: list[Alert] = field(default_factory=list)
    """Caused by a reading of this chunk."""
    overdue: list[Alert] = field(default_factory=list)
    """Caused by the passing of time: vehicles that fell silent."""
    rejected: list[RejectedRecord] = field(default_factory=list)
    ignored_signals: list[str] = field(default_factory=list)
    folded: int = 0

    def is_empty(self) -> bool:
        """Tell whether there is nothing to send."""
        return not (self.alerts or self.overdue or self.rejected)


def decide(fold: PartitionFold, chunk: Chunk, *, partitions: int) -> Effects:
    """Fold a chunk of the fold's partition; `partitions` is the number of partitions of its topic."""
    effects = Effects()
    for batch in chunk.batches:
        effects.overdue.extend(fold.advance(batch.received_at_ms))
        _fold_batch(fold, chunk, batch, partitions, effects)
    return effects


def _fold_batch(fold: PartitionFold, chunk: Chunk, batch: RecordBatch, partitions: int, effects: Effects) -> None:
    received_at_ms, partition, passed = batch.received_at_ms, chunk.partition, fold.passed
    rejections = Rejections(chunk, batch)
    for record in fold.unusual(batch.records, received_at_ms, effects.alerts):
        try:
            if isinstance(record, RefusedBatch):
                raise record.problem
            reading, ignored = believe(record.value, partition, received_at_ms, partitions)
        except MalformedReading as error:
            rejections.add(record, error)
            continue
        effects.folded += 1
        effects.ignored_signals.extend(ignored)
        effects.alerts.extend(fold.fold(reading, record.offset, received_at_ms))
    effects.folded += fold.passed - passed
    effects.rejected.extend(rejections.records())
