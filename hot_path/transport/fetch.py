"""Chunk fetch: aiokafka's partition records, given as chunks instead of single records, for the topics named.

Stops at the record batch: aiokafka unpacks and checks them as always.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

from hot_path.transport.chunk import Chunk, Record, RecordBatch

LARGEST_CHUNK_BYTES = 4 * 1024 * 1024
_LOG_APPEND_TIME = 1


class Chunking:
    """Which topics come in chunks, and how large. Handed to aiokafka as the consumer's value deserializer.

    That is the one object that aiokafka carries from a consumer to its partition records, so that two consumers in a
    process can read the same topic in different ways. For all other topics it changes nothing.
    """

    def __init__(self, topics: frozenset[str], *, readings: int) -> None:
        """Take the topics that come in chunks of about `readings` records."""
        self.topics = topics
        self.readings = readings

    def __call__(self, value: bytes | None) -> bytes | None:
        """Leave a value as it is."""
        return value


class ChunkedPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # untyped library
    """The records fetched from one partition; an iterator of chunks for the topics that come in chunks."""

    def _unpack_records(self) -> Iterator[Any]:
        chunking = self._value_deserializer
        if isinstance(chunking, Chunking) and self._tp.topic in chunking.topics:
            return self._chunks(chunking.readings)
        unpacked: Iterator[Any] = super()._unpack_records()
        return unpacked

    def _chunks(self, readings: int) -> Iterator[Chunk]:
        pending = _Pending(self._tp.topic, self._tp.partition)
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            for part, is_last in _parts(self._wanted(batch), readings):
                pending.add(batch, part)
                self.next_fetch_offset = batch.next_offset if is_last else part[-1].offset + 1
                if pending.count >= readings or pending.size > LARGEST_CHUNK_BYTES:
                    yield pending.take(self.next_fetch_offset)
            self.next_fetch_offset = batch.next_offset
        if pending.count:
            yield pending.take(self.next_fetch_offset)

    def _wanted(self, batch: Any) -> list[Record]:
        """Give a batch's records from the position on: a committed offset may lie inside a batch."""
        if batch.is_control_batch:
            return []
        wanted = self.next_fetch_offset
        if batch.base_offset >= wanted:
            return list(batch)
        return [record for record in batch if record.offset >= wanted]


def _parts(records: list[Record], readings: int) -> Iterator[tuple[list[Record], bool]]:
    """Cut a large batch into parts; the flag marks the last one."""
    for start in range(0, len(records), readings):
        end = start + readings
        yield (records[start:end] if start or end < len(records) else records), end >= len(records)


class _Pending:
    """The chunk being filled."""

    def __init__(self, topic: str, partition: int) -> None:
        self._topic = topic
        self._partition = partition
        self._clear()

    def _clear(self) -> None:
        self._batches: list[RecordBatch] = []
        self.count = 0
        self.size = 0
        self._timestamp = 0
        self._timestamp_type = 0

    def add(self, batch: Any, records: list[Record]) -> None:
        self._timestamp_type = batch.timestamp_type
        is_stamped_by_broker = batch.timestamp_type == _LOG_APPEND_TIME
        self._timestamp = batch.max_timestamp if is_stamped_by_broker else records[-1].timestamp  # type: ignore[attr-defined]
        self._batches.append(RecordBatch(self._timestamp, records))
        self.count += len(records)
        self.size += sum(len(record.value or b"") for record in records)

    def take(self, next_offset: int) -> Chunk:
        first = self._batches[0].records[0].offset
        chunk = Chunk(
            topic=self._topic,
            partition=self._partition,
            first_offset=first,
            offset=next_offset - 1,
            timestamp=self._timestamp,
            timestamp_type=self._timestamp_type,
            batches=self._batches,
        )
        self._clear()
        return chunk


def install_chunk_fetch() -> None:
    """Let aiokafka make ChunkedPartitionRecords; without a Chunking they behave as aiokafka's own. Repeatable."""
    fetcher.PartitionRecords = ChunkedPartitionRecords
