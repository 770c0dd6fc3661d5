from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from hot_path.transport.chunk import Chunk
from hot_path.transport.fetch import ChunkedPartitionRecords, Chunking

ZSTD = 4


def _batch(first_offset: int, values: Sequence[bytes | None], *, timestamp: int = 1_000) -> bytes:
    builder = DefaultRecordBatchBuilder(2, ZSTD, 0, -1, -1, -1, 1_000_000)
    for number, value in enumerate(values):
        builder.append(number, timestamp, b"key", value, [("schema", b"x")])
    return first_offset.to_bytes(8, "big") + bytes(builder.build())[8:]  # the offset is not in the checksum


def _fetched(*batches: bytes, position: int = 0, readings: int = 4, topic: str = "readings") -> ChunkedPartitionRecords:
    chunking = Chunking(frozenset(["readings"]), readings=readings)
    records = MemoryRecords(b"".join(batches))
    return ChunkedPartitionRecords(
        tp=TopicPartition(topic, 3),
        records=records,
        aborted_transactions=None,
        fetch_offset=position,
        key_deserializer=None,
        value_deserializer=chunking,
        check_crcs=True,
        isolation_level=READ_UNCOMMITTED,
    )


def _offsets(chunk: Chunk) -> list[int]:
    return [record.offset for batch in chunk.batches for record in batch.records]


def test_small_batches_are_joined_and_keep_their_own_broker_times() -> None:
    first, second = _batch(0, [b"a", b"b"], timestamp=100), _batch(2, [b"c", b"d"], timestamp=200)
    (chunk,) = _fetched(first, second)
    assert [batch.received_at_ms for batch in chunk.batches] == [100, 200]
    assert (chunk.first_offset, chunk.offset, _offsets(chunk)) == (0, 3, [0, 1, 2, 3])


def test_a_large_batch_is_cut_and_each_part_can_be_the_last_one_read() -> None:
    fetched = _fetched(_batch(10, [b"x"] * 10), position=10)
    first = next(fetched)
    assert (_offsets(first), fetched.next_fetch_offset) == ([10, 11, 12, 13], 14)
    assert [_offsets(chunk) for chunk in fetched] == [[14, 15, 16, 17], [18, 19]]
    assert fetched.next_fetch_offset == 20


def test_a_position_inside_a_batch_skips_what_lies_before_it() -> None:
    (chunk,) = _fetched(_batch(0, [b"a", b"b", b"c"]), position=2)
    assert (_offsets(chunk), chunk.first_offset, chunk.next_offset) == ([2], 2, 3)


def test_a_tombstone_keeps_its_place_key_and_headers() -> None:
    (chunk,) = _fetched(_batch(0, [b"a", None]))
    record = chunk.batches[0].records[1]
    assert (record.key, record.value, record.headers) == (b"key", None, [("schema", b"x")])


def test_a_record_of_2_mib_is_a_chunk() -> None:
    (chunk,) = _fetched(_batch(0, [b"x" * 2 * 1024 * 1024]))
    assert chunk.record_count() == 1


def test_a_damaged_batch_is_refused() -> None:
    damaged = bytearray(_batch(0, [b"a" * 100]))
    damaged[-1] ^= 0xFF
    with pytest.raises(CorruptRecordException):
        next(_fetched(bytes(damaged)))


def test_other_topics_come_record_by_record() -> None:
    records: list[Any] = list(_fetched(_batch(0, [b"a", b"b"]), topic="other"))
    assert [record.value for record in records] == [b"a", b"b"]
