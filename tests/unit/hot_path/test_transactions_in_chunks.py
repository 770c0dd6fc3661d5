"""Chunks of a partition that transactional producers have written to; aiokafka's own filter is what they must equal."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from hot_path.restoration import Delivery
from runtime.kafka.batch_records import KeptRecords
from runtime.kafka.chunk import Chunk
from runtime.kafka.chunk_fetch import ChunkedPartitionRecords, Chunking, install_chunk_fetch

ZSTD = 4
CONTROL_BIT = 0x20
ABORT, COMMIT = 0, 1
install_chunk_fetch()


@dataclass
class Log:
    """A partition as the broker keeps it, each batch with a broker time of its own."""

    batches: list[bytes] = field(default_factory=list)
    end: int = 0
    aborted: list[tuple[int, int, int]] = field(default_factory=list)
    """Producer id, first offset, and the offset of the marker."""
    _open: dict[int, int] = field(default_factory=dict)

    def write(self, *values: bytes, producer: int | None = None) -> None:
        """Append a batch: of a transaction of `producer`, of nobody's without one."""
        if producer is not None:
            self._open.setdefault(producer, self.end)
        self._append([(b"key", value) for value in values], producer=producer)

    def end_transaction(self, producer: int, kind: int, *, is_compacted: bool = False) -> None:
        """Append a marker; one that compaction has emptied has no record."""
        first = self._open.pop(producer, None)
        if kind == ABORT and first is not None:
            self.aborted.append((producer, first, self.end))
        records = [] if is_compacted else [(struct.pack(">HH", 0, kind), b"\0" * 6)]
        self._append(records, producer=producer, is_control=True)

    def _append(self, records: list[tuple[bytes, bytes]], *, producer: int | None, is_control: bool = False) -> None:
        codec = 0 if is_control else ZSTD
        is_transactional, producer_id = producer is not None, -1 if producer is None else producer
        builder = DefaultRecordBatchBuilder(2, codec, is_transactional, producer_id, 0, 0, 100_000_000)
        for number, (key, value) in enumerate(records):
            builder.append(number, 1_000 + self.end, key, value, [])
        batch = bytearray(builder.build())
        batch[:8] = self.end.to_bytes(8, "big")
        batch[22] |= CONTROL_BIT if is_control else 0
        batch[17:21] = calc_crc32c(bytes(batch[21:])).to_bytes(4, "big")
        self.batches.append(bytes(batch))
        self.end += max(1, len(records))

    def fetched(self, position: int = 0, *, readings: int = 4, topic: str = "readings") -> ChunkedPartitionRecords:
        """Return what a fetch from a position would: batches from the one on in which it lies."""
        firsts = [int.from_bytes(batch[:8], "big") for batch in self.batches]
        wanted = [batch for batch, end in zip(self.batches, [*firsts[1:], self.end], strict=True) if end > position]
        aborted = [(producer, first) for producer, first, marker in reversed(self.aborted) if marker >= position]
        return _records(wanted, aborted, position=position, readings=readings, topic=topic)


def _records(
    batches: list[bytes],
    aborted: list[tuple[int, int]] | None,
    *,
    position: int = 0,
    readings: int = 4,
    topic: str = "readings",
) -> ChunkedPartitionRecords:
    return ChunkedPartitionRecords(
        tp=TopicPartition(topic, 3),
        records=KeptRecords(b"".join(batches)),
        aborted_transactions=aborted,
        fetch_offset=position,
        key_deserializer=None,
        value_deserializer=Chunking(frozenset(["readings"]), readings=readings),
        check_crcs=True,
        isolation_level=READ_UNCOMMITTED if aborted is None else READ_COMMITTED,
    )


def _values(*chunks: Chunk) -> list[bytes | None]:
    return [record.value for chunk in chunks for batch in chunk.batches for record in batch.records]


def test_an_aborted_transaction_is_not_delivered_and_its_offsets_are() -> None:
    log = Log()
    log.write(b"a")
    log.write(b"aborted", b"aborted", producer=7)
    log.end_transaction(7, ABORT)
    log.write(b"b")
    (chunk,) = log.fetched(readings=100)
    assert (_values(chunk), chunk.first_offset, chunk.next_offset) == ([b"a", b"b"], 0, 5)


def test_no_broker_time_of_an_aborted_batch_or_of_a_marker_is_delivered() -> None:
    log = Log()
    log.write(b"a")
    log.write(b"aborted", producer=7)
    log.end_transaction(7, ABORT)
    (chunk,) = log.fetched(readings=100)
    assert [batch.received_at_ms for batch in chunk.batches] == [1_000]


def test_what_a_producer_writes_after_its_abort_counts() -> None:
    log = Log()
    log.write(b"aborted", producer=7)
    log.end_transaction(7, ABORT)
    log.write(b"a", producer=7)
    log.end_transaction(7, COMMIT)
    log.write(b"aborted too", producer=7)
    log.end_transaction(7, ABORT)
    log.write(b"b", producer=7)
    log.end_transaction(7, COMMIT)
    assert _values(*log.fetched()) == [b"a", b"b"]


def test_of_interleaved_producers_only_the_aborted_one_is_left_out() -> None:
    log = Log()
    log.write(b"a", producer=1)
    log.write(b"aborted", producer=2)
    log.write(b"b", producer=1)
    log.write(b"c")
    log.end_transaction(2, ABORT)
    log.end_transaction(1, COMMIT)
    assert _values(*log.fetched()) == [b"a", b"b", b"c"]


def test_a_fetch_that_was_aborted_as_a_whole_is_a_chunk_to_be_committed() -> None:
    log = Log()
    log.write(b"aborted", b"aborted", producer=7)
    log.end_transaction(7, ABORT)
    fetched = log.fetched()
    (chunk,) = fetched
    assert (chunk.batches, chunk.first_offset, chunk.offset, fetched.next_fetch_offset) == ([], 0, 2, 3)


def test_a_partition_that_ends_in_a_commit_marker_is_read_to_its_end() -> None:
    log = Log()
    log.write(b"a", producer=7)
    log.end_transaction(7, COMMIT)
    (chunk,) = log.fetched(position=0)
    assert (_values(chunk), chunk.next_offset) == ([b"a"], 2)
    (marker,) = log.fetched(position=1)
    assert (marker.batches, marker.first_offset, marker.next_offset) == ([], 1, 2)


def test_a_position_inside_an_aborted_batch_goes_on_from_there() -> None:
    log = Log()
    log.write(b"aborted", b"aborted", b"aborted", producer=7)
    log.end_transaction(7, ABORT)
    log.write(b"a")
    (chunk,) = log.fetched(position=2)
    assert (_values(chunk), chunk.first_offset, chunk.next_offset) == ([b"a"], 2, 5)


def test_a_marker_that_compaction_has_emptied_stops_nothing() -> None:
    log = Log()
    log.write(b"a")
    log.end_transaction(7, COMMIT, is_compacted=True)
    log.write(b"b")
    assert _values(*log.fetched()) == [b"a", b"b"]


def test_read_uncommitted_everything_is_delivered_but_markers() -> None:
    log = Log()
    log.write(b"aborted", producer=7)
    log.end_transaction(7, ABORT)
    log.write(b"a")
    assert _values(*_records(log.batches, None)) == [b"aborted", b"a"]


def _steps() -> st.SearchStrategy[list[tuple[str, int, int]]]:
    kinds = st.sampled_from(["plain", "write", "write", "abort", "commit"])
    return st.lists(st.tuples(kinds, st.integers(0, 3), st.integers(1, 9)), max_size=25)


def _log(steps: list[tuple[str, int, int]]) -> Log:
    log = Log()
    for number, (kind, producer, count) in enumerate(steps):
        values = [f"{number}.{each}".encode() for each in range(count)]
        if kind in ("plain", "write"):
            log.write(*values, producer=None if kind == "plain" else producer)
        else:
            log.end_transaction(producer, ABORT if kind == "abort" else COMMIT)
    for producer in range(4):  # nothing beyond the last stable offset is ever fetched
        log.end_transaction(producer, COMMIT)
    return log


@given(steps=_steps(), share=st.floats(0, 1), readings=st.integers(1, 8))
def test_chunks_hold_what_aiokafka_delivers_and_cover_every_offset_from_any_position(
    steps: list[tuple[str, int, int]], share: float, readings: int
) -> None:
    log = _log(steps)
    position = int(share * (log.end - 1))
    due: list[Any] = list(log.fetched(position, topic="another"))
    chunks: list[Chunk] = []
    fetched = log.fetched(position, readings=readings)
    for chunk in fetched:
        assert fetched.next_fetch_offset == chunk.next_offset
        chunks.append(chunk)
    told = [
        (record.offset, record.value, batch.received_at_ms)
        for chunk in chunks
        for batch in chunk.batches
        for record in batch.records
    ]
    assert told == [(record.offset, record.value, record.timestamp) for record in due]
    assert [chunk.first_offset for chunk in chunks] == [position, *(chunk.next_offset for chunk in chunks[:-1])]
    assert chunks[-1].next_offset == log.end
    assert all(_is_due_in_turn(chunks))


def _is_due_in_turn(chunks: list[Chunk]) -> Iterator[bool]:
    delivery = Delivery()
    for number, chunk in enumerate(chunks):
        chunk.epoch, chunk.sequence = 1, number
        yield delivery.is_due(chunk)
