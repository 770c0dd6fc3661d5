"""aiokafka's records of a fetched partition, within bounds: no batch is unpacked without end, none stops a consumer.

A batch that unpacks to too much, or whose records cannot be read, is passed over as a whole. As much as fits is handed
on at once; what is left is fetched again from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher

from contracts.errors import MalformedRecord
from runtime.kafka.batch_records import KeptRecords, records_of
from runtime.kafka.passed_over import PassedOver
from runtime.kafka.unpacking import TooLarge, Unreadable, install_bounded_unpacking

MOST_BYTES_AT_ONCE: Final = 32 * 1024 * 1024
_passed_over: Final = PassedOver()


class BoundedPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # untyped library
    """The records fetched from one partition, up to about MOST_BYTES_AT_ONCE of them."""

    def _unpack_records(self) -> Iterator[Any]:
        fetched: Any = self._records
        self._records: Any = _TolerantRecords(fetched, self._tp)
        taken = 0
        for record in super()._unpack_records():
            yield record
            taken += record.serialized_key_size + record.serialized_value_size
            if taken > MOST_BYTES_AT_ONCE:
                return  # aiokafka fetches on from next_fetch_offset


class _TolerantRecords:
    """Fetched record batches, each one that the consumer can iterate over to its end."""

    def __init__(self, fetched: Any, at: Any) -> None:
        self._fetched = fetched
        self._at = at

    def has_next(self) -> bool:
        return bool(self._fetched.has_next())

    def next_batch(self) -> _TolerantBatch:
        return _TolerantBatch(self._fetched.next_batch(), self._fetched, self._at)


class _TolerantBatch:
    """A record batch; all but the iteration is aiokafka's own."""

    def __init__(self, batch: Any, fetched: Any, at: Any) -> None:
        self._batch = batch
        self._fetched = fetched
        self._at = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from records_of(self._batch, self._fetched)
        except Unreadable as error:
            self._pass_over(error)

    def _pass_over(self, error: Unreadable) -> None:
        first = self._batch.base_offset if error.first_offset is None else error.first_offset
        story = f"offsets {first} to {self._batch.next_offset - 1}: the record batch {error}"
        malformed = MalformedRecord(story, flaw="size" if isinstance(error, TooLarge) else "shape")
        _passed_over.tell(self._at.topic, self._at.partition, first, malformed)


def install_bounded_reading(kind: type[fetcher.PartitionRecords] = BoundedPartitionRecords) -> None:
    """Let aiokafka make such partition records, in all of this process; a more special kind stays. Repeatable."""
    if not issubclass(fetcher.PartitionRecords, kind):
        fetcher.PartitionRecords = kind
    fetcher.MemoryRecords = KeptRecords
    install_bounded_unpacking()
