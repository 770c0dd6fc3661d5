"""Chunk fetch: aiokafka's partition records, given as chunks instead of single records, for the topics named.

Stops at the record batch: aiokafka unpacks and checks them as always. aiokafka drops the batches of aborted
transactions while it makes single records, so that is repeated here, batch by batch. What is dropped, and the markers
that end transactions, still count in a chunk's offsets: they must be committed like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from aiokafka.errors import CorruptRecordException, KafkaError

from runtime.kafka.chunk import Chunk, Record, RecordBatch
from runtime.kafka.chunk_records import BatchRecords
from runtime.kafka.partition_records import BoundedPartitionRecords, install_bounded_reading


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


class ChunkedPartitionRecords(BoundedPartitionRecords):
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
            for part in self._parts(batch, readings):
                pending.add(batch, part)
                self.next_fetch_offset = part.next_offset
                if pending.count >= readings:
                    yield pending.take()
        if pending.count:
            yield pending.take()

    def _parts(self, batch: Any, readings: int) -> Iterator[_Part]:
        """Give a batch as it is; one that is too large, or in which the committed offset lies, in parts.

        Only then are records made before they are asked for. What a small batch unpacks to may be very large.
        Chunks end where parts do, and so do commits: whoever reads a batch anew finds the same parts.
        """
        wanted, end = self.next_fetch_offset, batch.next_offset
        first = max(batch.base_offset, wanted)
        if self._is_void(batch):
            yield _Part(first, end, None)
            return
        records = BatchRecords(batch, self._records)
        if batch.base_offset >= wanted and end - first <= readings:
            yield _Part(first, end, records)
            return
        is_beginning = batch.base_offset >= wanted
        rest = (record for record in records if record.offset >= wanted)
        part = list(islice(rest, readings))
        if not part:
            yield _Part(first, end, None)
        while part:
            following = list(islice(rest, readings))
            part_end = min(part[-1].offset + 1, end) if following else end
            yield _Part(part[0].offset, part_end, part, is_beginning)
            part, is_beginning = following, False

    def _is_void(self, batch: Any) -> bool:
        """Tell whether a batch has no records to deliver: it is a marker, or of an aborted transaction.

        To be asked once for each batch, in offset order. Read uncommitted, the broker names no aborted transactions.
        """
        if not batch.is_transactional:
            return bool(batch.is_control_batch)
        self._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and self._is_abort_marker(batch):
            self._aborted_producers.discard(batch.producer_id)
        return batch.is_control_batch or batch.producer_id in self._aborted_producers

    def _is_abort_marker(self, control_batch: Any) -> bool:
        try:
            return bool(self._contains_abort_marker(control_batch))
        except KafkaError:  # compaction has left the batch without its record; of what it ended nothing is left either
            return False


class _Part(NamedTuple):
    """Records of one batch, and from and to which offset they reach; None where it has none to deliver."""

    first_offset: int
    next_offset: int
    records: Iterable[Record] | None
    is_beginning: bool = True


class _Pending:
    """The chunk being filled."""

    def __init__(self, topic: str, partition: int) -> None:
        self._topic = topic
        self._partition = partition
        self._batches: list[RecordBatch] = []
        self._parts: list[_Part] = []
        self.count = 0
        """Offsets, not records."""
        self._timestamp = -1
        self._timestamp_type = 0

    def add(self, batch: Any, part: _Part) -> None:
        # The broker's time is the batch's; only another topic's settings would leave the producers' own times in it.
        self._timestamp, self._timestamp_type = batch.max_timestamp, batch.timestamp_type
        if part.records is not None:
            self._batches.append(RecordBatch(self._timestamp, part.records, part.is_beginning))
        self._parts.append(part)
        self.count += part.next_offset - part.first_offset

    def take(self) -> Chunk:
        chunk = Chunk(
            topic=self._topic,
            partition=self._partition,
            first_offset=self._parts[0].first_offset,
            offset=self._parts[-1].next_offset - 1,
            timestamp=self._timestamp,
            timestamp_type=self._timestamp_type,
            batches=self._batches,
        )
        self._batches, self._parts, self.count = [], [], 0
        return chunk


def install_chunk_fetch() -> None:
    """Let aiokafka make ChunkedPartitionRecords; without a Chunking they behave as aiokafka's own. Repeatable."""
    install_bounded_reading(ChunkedPartitionRecords)
