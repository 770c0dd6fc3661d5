"""The records of a fetched record batch for a chunk: a batch that cannot be read is one record that says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from contracts.errors import MalformedReading
from runtime.kafka.batch_records import KeptRecords, records_of
from runtime.kafka.chunk import RefusedBatch
from runtime.kafka.unpacking import TooLarge, Unreadable

if TYPE_CHECKING:
    from contracts.reason import Reason
    from runtime.kafka.chunk import Record


class BatchRecords:
    """The records of one batch; to be read once."""

    def __init__(self, batch: Any, fetched: Any) -> None:
        """Take aiokafka's batch, and the fetched records that it is of."""
        self._batch = batch
        self._fetched = fetched

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in offset order; what the batch has unpacked to is freed with the iterator."""
        batch, self._batch = self._batch, None
        try:
            yield from records_of(batch, self._fetched)
        except Unreadable as error:
            yield cast("Record", self._refused(batch, error))

    def _refused(self, batch: Any, error: Unreadable) -> RefusedBatch:
        base, end = batch.base_offset, batch.next_offset
        first = base if error.first_offset is None else error.first_offset
        detail = f"offsets {first} to {end - 1}: the record batch {error}"
        value = self._fetched.bytes_of(base) if isinstance(self._fetched, KeptRecords) else b""
        reason: Reason = "too_large" if isinstance(error, TooLarge) else "not_json"
        return RefusedBatch(first, value, MalformedReading(reason, detail))
