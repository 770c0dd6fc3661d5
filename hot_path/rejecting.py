"""What is written of a record batch's rejected records: the first ones each by itself, the rest by one record more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.rejection import KEPT_BYTES, headers_behind, rejection, rejection_of_many, to_headers
from runtime.kafka.chunk import RefusedBatch

if TYPE_CHECKING:
    from contracts.errors import MalformedReading
    from contracts.headers import Headers
    from contracts.reason import Reason
    from runtime.kafka.chunk import Chunk, Record, RecordBatch

KEPT_HEADER_BYTES: Final = 16 * 1024
MOST_ALONE: Final = 100
"""So many rejected records of a batch are written each by itself."""


class RejectedRecord(NamedTuple):
    """One record for `rejected-readings`: the key and the first 64 KiB as they came, why and from where in headers.

    One that stands for many `records` has neither key nor value.
    """

    key: bytes | None
    value: bytes
    headers: Headers
    reason: Reason
    records: int = 1


class Rejections:
    """The rejected records of one record batch, or of the part of it that a chunk has: a function of these alone.

    Up to MOST_ALONE are written each by itself. Of more the first MOST_ALONE are where a batch begins, and what is left
    is told by one record; of a later part all are.
    """

    def __init__(self, chunk: Chunk, batch: RecordBatch) -> None:
        """Start with none."""
        self._chunk = chunk
        self._batch = batch
        self._alone: list[RejectedRecord] = []
        self._together: Counter[Reason] = Counter()
        self._first_offset = self._last_offset = -1

    def add(self, record: Record, error: MalformedReading) -> None:
        """Reject the next record."""
        if isinstance(record, RefusedBatch) or (len(self._alone) < MOST_ALONE and not self._together):
            self._alone.append(rejected_record(record, error, self._chunk, self._batch))
            self._first_offset = record.offset if self._first_offset < 0 else self._first_offset
            return
        if not self._together:
            self._gather(record.offset)
        self._together[error.reason] += 1
        self._last_offset = record.offset

    def _gather(self, offset: int) -> None:
        """Begin to tell together, from the record at `offset` on; in a later part from the first one on."""
        if self._batch.is_beginning:
            self._first_offset = offset
            return
        self._together.update(rejected.reason for rejected in self._alone)
        self._alone.clear()

    def records(self) -> list[RejectedRecord]:
        """Return what is to be written, in offset order but for a batch that was refused from some record on."""
        return [*self._alone, self._of_many()] if self._together else self._alone

    def _of_many(self) -> RejectedRecord:
        story = rejection_of_many(
            self._together,
            topic=self._chunk.topic,
            partition=self._chunk.partition,
            offsets=(self._first_offset, self._last_offset),
            received_at_ms=self._batch.received_at_ms,
        )
        reason = self._together.most_common(1)[0][0]
        return RejectedRecord(None, b"", to_headers(story), reason, story.number)


def rejected_record(record: Record, error: MalformedReading, chunk: Chunk, batch: RecordBatch) -> RejectedRecord:
    """Describe a record that is no reading. A tombstone has no bytes: it is kept as an empty value."""
    value = record.value or b""
    story = rejection(
        value,
        reason=error.reason,
        detail=error.detail,
        topic=chunk.topic,
        partition=chunk.partition,
        offset=record.offset,
        received_at_ms=batch.received_at_ms,
    )
    key = record.key[:KEPT_BYTES] if record.key else None
    return RejectedRecord(key, value[:KEPT_BYTES], headers_behind(_own_headers(record), story), error.reason)


def _own_headers(record: Record) -> Headers:
    headers = [(name, value or b"") for name, value in record.headers]
    size = sum(len(name) + len(value) for name, value in headers)
    return headers if size <= KEPT_HEADER_BYTES else []
