"""What one chunk of records does: alerts, rejections, counts. Pure; the fold it changes is handed in.

A chunk is folded in steps, so that whoever folds many partitions can give each a turn: what a record costs depends on
what it carries, and a chunk of costly ones may take seconds. Where it is interrupted changes nothing of what follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.errors import MalformedReading
from contracts.plausibility import believe
from hot_path.rejecting import Rejections
from runtime.kafka.chunk import RefusedBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.alert import Alert
    from hot_path.rejecting import RejectedRecord
    from rules.partition import PartitionFold
    from runtime.kafka.chunk import Chunk, Record, RecordBatch


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


class Decision:
    """A chunk that is being folded into the fold of its partition."""

    def __init__(self, fold: PartitionFold, chunk: Chunk, *, partitions: int) -> None:
        """Begin before the first record; `partitions` is the number of partitions of the chunk's topic."""
        self._fold = fold
        self._chunk = chunk
        self._partitions = partitions
        self._effects = Effects()
        self.next_offset = chunk.first_offset
        """The first offset that is not folded, as of the last step."""
        self.steps = self._steps()
        """One after each record that took a full look; there everything below `next_offset` is folded, and no more."""

    def taken(self) -> Effects:
        """Return what follows from the steps since this was last asked."""
        effects, self._effects = self._effects, Effects()
        return effects

    def _steps(self) -> Iterator[None]:
        for batch in self._chunk.batches:
            self._effects.overdue.extend(self._fold.advance(batch.received_at_ms))
            yield from self._steps_of(batch)
        self.next_offset = self._chunk.next_offset

    def _steps_of(self, batch: RecordBatch) -> Iterator[None]:
        fold, passed = self._fold, self._fold.passed
        passing: list[Alert] = []
        rejections = Rejections(self._chunk, batch)
        for record in fold.unusual(batch.records, batch.received_at_ms, passing):
            self._tell(passing)
            try:
                self._look(record, batch.received_at_ms)
            except MalformedReading as error:
                rejections.add(record, error)
            self.next_offset = record.offset + 1
            yield
        self._tell(passing)
        self._effects.folded += fold.passed - passed
        self._effects.rejected.extend(rejections.records())

    def _tell(self, passing: list[Alert]) -> None:
        """Tell the alerts of readings that passed; the fast lane goes on adding to the list."""
        self._effects.alerts.extend(passing)
        passing.clear()

    def _look(self, record: Record, received_at_ms: int) -> None:
        if isinstance(record, RefusedBatch):
            raise record.problem
        reading, ignored = believe(record.value, self._chunk.partition, received_at_ms, self._partitions)
        self._effects.folded += 1
        self._effects.ignored_signals.extend(ignored)
        self._effects.alerts.extend(self._fold.fold(reading, record.offset, received_at_ms))


def decide(fold: PartitionFold, chunk: Chunk, *, partitions: int) -> Effects:
    """Fold a chunk of the fold's partition in one go; `partitions` is the number of partitions of its topic."""
    decision = Decision(fold, chunk, partitions=partitions)
    for _ in decision.steps:
        pass
    return decision.taken()
