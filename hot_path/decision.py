"""What one chunk of records does: alerts, rejections, counts. Pure; the fold it changes is handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.rejection import KEPT_BYTES, rejection, to_headers
from runtime.kafka.chunk import RefusedBatch

if TYPE_CHECKING:
    from contracts.alert import Alert
    from contracts.headers import Headers
    from contracts.reason import Reason
    from rules.partition import PartitionFold
    from runtime.kafka.chunk import Chunk, Record, RecordBatch

KEPT_HEADER_BYTES = 16 * 1024


class RejectedRecord(NamedTuple):
    """One record for `rejected-readings`: the key and the first 64 KiB as they came, why and from where in headers."""

    key: bytes | None
    value: bytes
    headers: Headers
    reason: Reason


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
    for record in fold.unusual(batch.records, received_at_ms, effects.alerts):
        try:
            if isinstance(record, RefusedBatch):
                raise record.problem
            reading, ignored = believe(record.value, partition, received_at_ms, partitions)
        except MalformedReading as error:
            effects.rejected.append(rejected_record(record, error, chunk=chunk, received_at_ms=received_at_ms))
            continue
        effects.folded += 1
        effects.ignored_signals.extend(ignored)
        effects.alerts.extend(fold.fold(reading, record.offset, received_at_ms))
    effects.folded += fold.passed - passed


def rejected_record(record: Record, error: MalformedReading, *, chunk: Chunk, received_at_ms: int) -> RejectedRecord:
    """Describe a record that is no reading. A tombstone has no bytes: it is kept as an empty value."""
    value = record.value or b""
    story = rejection(
        value,
        reason=error.reason,
        detail=error.detail,
        topic=chunk.topic,
        partition=chunk.partition,
        offset=record.offset,
        received_at_ms=received_at_ms,
    )
    key = record.key[:KEPT_BYTES] if record.key else None
    # The story comes last: readers of the headers take the last of equal names.
    return RejectedRecord(key, value[:KEPT_BYTES], [*_own_headers(record), *to_headers(story)], error.reason)


def _own_headers(record: Record) -> Headers:
    headers = [(name, value or b"") for name, value in record.headers]
    size = sum(len(name) + len(value) for name, value in headers)
    return headers if size <= KEPT_HEADER_BYTES else []
