from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, lz4_encode
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from raw_batches import framed, frames, heavy

from runtime.kafka.batch_records import KeptRecords
from runtime.kafka.chunk import Chunk, RefusedBatch
from runtime.kafka.chunk_fetch import ChunkedPartitionRecords, Chunking, install_chunk_fetch

ZSTD = 4
install_chunk_fetch()


def _batch(first_offset: int, values: Sequence[bytes | None], *, timestamp: int = 1_000, codec: int = ZSTD) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 100_000_000)
    for number, value in enumerate(values):
        builder.append(number, timestamp, b"key", value, [("schema", b"x")])
    return first_offset.to_bytes(8, "big") + bytes(builder.build())[8:]  # the offset is not in the checksum


def _fetched(*batches: bytes, position: int = 0, readings: int = 4, topic: str = "readings") -> ChunkedPartitionRecords:
    chunking = Chunking(frozenset(["readings"]), readings=readings)
    records = KeptRecords(b"".join(batches))
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


def test_a_large_batch_is_cut_into_the_same_parts_when_it_is_read_on() -> None:
    def parts(position: int) -> list[tuple[bool, list[int]]]:
        chunks = list(_fetched(_batch(10, [b"x"] * 10), position=position))
        return [(batch.is_beginning, [one.offset for one in batch.records]) for at in chunks for batch in at.batches]

    whole = parts(0)
    assert [is_beginning for is_beginning, _ in whole] == [True, False, False]
    assert [parts(14), parts(18)] == [whole[1:], whole[2:]]


def test_a_tombstone_keeps_its_place_key_and_headers() -> None:
    (chunk,) = _fetched(_batch(0, [b"a", None]))
    _, record = chunk.batches[0].records
    assert (record.key, record.value, record.headers) == (b"key", None, [("schema", b"x")])


def test_a_record_of_2_mib_is_a_chunk() -> None:
    (chunk,) = _fetched(_batch(0, [b"x" * 2 * 1024 * 1024]))
    assert _offsets(chunk) == [0]


def test_a_damaged_batch_is_refused() -> None:
    damaged = bytearray(_batch(0, [b"a" * 100]))
    damaged[-1] ^= 0xFF
    with pytest.raises(CorruptRecordException):
        next(_fetched(bytes(damaged)))


def test_other_topics_come_record_by_record() -> None:
    records: list[Any] = list(_fetched(_batch(0, [b"a", b"b"]), topic="other"))
    assert [record.value for record in records] == [b"a", b"b"]


def test_a_header_whose_name_is_no_utf_8_is_mended_and_stops_nothing() -> None:
    plain = _batch(7, [b"a", b"b", b"c", b"d"], codec=0)
    names = [at for at in range(len(plain)) if plain.startswith(b"schema", at)]
    broken = bytearray(plain)
    for at in names[1:3]:
        broken[at] = 0xFF
    fetched = _fetched(_checked(bytes(broken)), _batch(11, [b"e"]), position=7)
    records = [record for chunk in fetched for batch in chunk.batches for record in batch.records]
    assert [(record.offset, record.value) for record in records] == [
        (7, b"a"),
        (8, b"b"),
        (9, b"c"),
        (10, b"d"),
        (11, b"e"),
    ]
    assert [record.headers[0][0] for record in records] == ["schema", "??????", "??????", "schema", "schema"]


def _checked(batch: bytes) -> bytes:
    checksum: int = calc_crc32c(batch[21:])
    return batch[:17] + checksum.to_bytes(4, "big") + batch[21:]


def test_a_batch_of_few_bytes_that_unpacks_to_50_mb_is_never_held_as_records() -> None:
    bomb = _batch(0, [heavy(900_000, number) for number in range(56)])
    assert len(bomb) < 300_000
    fetched = _fetched(bomb, readings=2_000)
    tracemalloc.start()
    chunk = next(fetched)
    held_before_reading = tracemalloc.get_traced_memory()[1]
    most, records = 0, 0
    for record in chunk.batches[0].records:
        assert len(record.value or b"") == 900_000
        most, records = max(most, tracemalloc.get_traced_memory()[0]), records + 1
    tracemalloc.stop()
    assert records == 56
    assert held_before_reading < 1_000_000
    assert most < 60_000_000


def test_many_tiny_records_in_one_batch_are_made_by_the_chunk() -> None:
    fetched = _fetched(_batch(0, [b"1"] * 200_000), readings=2_000)
    assert {len(_offsets(chunk)) for chunk in fetched} == {2_000}


def _bomb(first_offset: int, records: int) -> bytes:
    return _batch(first_offset, [b"0" * 900_000] * records)


def test_a_batch_that_unpacks_to_more_than_is_taken_is_one_record_with_its_reason() -> None:
    bomb = _bomb(4, 80)
    before, refused, after = _fetched(_batch(0, [b"a"] * 4), bomb, _batch(84, [b"b"] * 4))
    ((batch,),) = [list(part.records) for part in refused.batches]
    assert isinstance(batch, RefusedBatch)
    assert (batch.offset, batch.value, batch.problem.reason) == (4, bomb, "too_large")
    assert "offsets 4 to 83" in batch.problem.detail
    assert (_offsets(before), refused.next_offset, _offsets(after)) == ([0, 1, 2, 3], 84, [84, 85, 86, 87])


def test_a_batch_that_is_small_in_records_and_large_in_bytes_is_refused_when_it_is_read() -> None:
    (chunk,) = _fetched(_batch(0, [b"a"]), _bomb(1, 80), readings=200)
    records = [record for batch in chunk.batches for record in batch.records]
    assert [record.offset for record in records] == [0, 1]
    assert isinstance(records[1], RefusedBatch)
    assert chunk.next_offset == 81


def _records(count: int) -> bytes:
    return frames((number, b"key", b"x") for number in range(count))


UNREADABLE = {
    "no codec's": framed(b"not packed at all", 3, codec=3, first_offset=4),
    "a frame cut short": framed(lz4_encode(_records(3))[:-5], 3, codec=3, first_offset=4),
    "a record cut short": framed(_records(3)[:-2], 3, first_offset=4),
    "an offset beyond": framed(
        frames([(0, b"key", b"x"), (900, b"key", b"x"), (901, b"key", b"x")]), 3, first_offset=4
    ),
    "offsets that do not rise": framed(frames([(2, b"key", b"x")] * 3), 3, first_offset=4),
}


@pytest.mark.parametrize("readings", [1, 100])
@pytest.mark.parametrize("unreadable", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_batch_that_cannot_be_read_is_one_record_with_its_reason(unreadable: bytes, readings: int) -> None:
    chunks = list(_fetched(_batch(0, [b"a"] * 4), unreadable, _batch(7, [b"b"]), readings=readings))
    records = [record for chunk in chunks for batch in chunk.batches for record in batch.records]
    assert [record.offset for record in records] == [0, 1, 2, 3, 4, 7]
    refused = records[4]
    assert isinstance(refused, RefusedBatch)
    assert (refused.value, refused.problem.reason) == (unreadable, "not_json")
    assert "offsets 4 to 6: the record batch cannot be" in refused.problem.detail
    assert chunks[-1].next_offset == 8


def test_two_members_of_gzip_are_one_batch() -> None:
    members = gzip_encode(_records(3)[:10]) + gzip_encode(_records(3)[10:])
    (chunk,) = _fetched(framed(members, 3, codec=1))
    assert _offsets(chunk) == [0, 1, 2]


def test_of_a_batch_too_large_to_be_held_what_comes_before_a_foreign_offset_is_read() -> None:
    deltas = [*range(39_998), 1_000_000, 39_999]
    foreign = framed(frames((delta, b"key", b"x") for delta in deltas), 40_000)
    chunks = list(_fetched(foreign, _batch(40_000, [b"b"]), readings=20_000))
    records = [record for chunk in chunks for batch in chunk.batches for record in batch.records]
    assert [record.offset for record in records] == [*range(39_999), 40_000]
    assert isinstance(records[39_998], RefusedBatch)
    assert [(chunk.first_offset, chunk.next_offset) for chunk in chunks] == [
        (0, 20_000),
        (20_000, 40_000),
        (40_000, 40_001),
    ]


def test_what_a_batch_has_unpacked_to_does_not_wait_for_the_end_of_its_chunk() -> None:
    batches = [_batch(56 * number, [heavy(900_000, number * 56 + at) for at in range(56)]) for number in range(6)]
    (chunk,) = _fetched(*batches, readings=2_000)
    tracemalloc.start()
    records = sum(1 for batch in chunk.batches for _ in batch.records)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert records == 6 * 56
    assert most < 150_000_000
