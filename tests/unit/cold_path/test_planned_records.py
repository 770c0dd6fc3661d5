from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from raw_batches import bomb, framed, frames

from cold_path.lake.files import written
from cold_path.lake.judgement import judged
from cold_path.lake.sequences import Seen
from cold_path.source.planned_records import RECORD_SCHEMA, rows_of
from contracts.rejection import KEPT_BYTES
from runtime.kafka.batch_records import KeptRecords
from runtime.kafka.chunk_fetch import ChunkedPartitionRecords, Chunking, install_chunk_fetch

install_chunk_fetch()


def at(offset: int, batch: bytes) -> bytes:
    return offset.to_bytes(8, "big") + batch[8:]  # the offset is not in the checksum


def small(offset: int, *values: bytes, deltas: tuple[int, ...] = ()) -> bytes:
    numbers = deltas or range(len(values))
    records = frames((delta, b"key", value) for delta, value in zip(numbers, values, strict=True))
    return framed(records, len(values), first_offset=offset)


def chunks(*batches: bytes, position: int = 0) -> ChunkedPartitionRecords:
    return ChunkedPartitionRecords(
        tp=TopicPartition("readings", 3), records=KeptRecords(b"".join(batches)), aborted_transactions=None,
        fetch_offset=position, key_deserializer=None,
        value_deserializer=Chunking(frozenset(["readings"]), readings=32_768), check_crcs=True,
        isolation_level=READ_UNCOMMITTED,
    )  # fmt: skip


def rows(*batches: bytes, end: int, position: int = 0) -> list[dict[str, Any]]:
    found = rows_of(chunks(*batches, position=position), end)
    return [row for batch in found for row in batch.to_pylist()]


def test_records_come_in_offset_order_and_those_outside_the_span_stay_away() -> None:
    found = rows(small(0, b"a", b"b"), small(2, b"c", b"", b"e"), position=1, end=4)
    assert [(row["offset"], row["value"]) for row in found] == [(1, b"b"), (2, b"c"), (3, b"")]
    assert {row["partition"] for row in found} == {3}


def test_a_refused_batch_is_one_rejected_row_at_its_first_offset_among_the_others() -> None:
    large, foreign = at(1, bomb(80, key=b"k")), small(81, b"x", b"y", deltas=(0, 900))
    found = rows_of(chunks(small(0, b"a"), large, foreign, small(83, b"b")), 84)
    lake = pa.Table.from_batches(judged(found, Seen({}, lambda *_: []))).to_pylist()
    assert [(row["offset"], row["rejected_reason"]) for row in lake] == [
        (0, "not_json"),
        (1, "too_large"),
        (81, "not_json"),
        (83, "not_json"),
    ]
    assert "offsets 1 to 80: the record batch unpacks to more than" in lake[1]["rejected_detail"]
    assert "offsets 81 to 82: the record batch cannot be read" in lake[2]["rejected_detail"]
    assert (lake[1]["rejected_bytes"], lake[2]["rejected_bytes"]) == (large[:KEPT_BYTES], foreign)
    assert {row["day"] for row in lake} == {lake[0]["day"]}


def test_a_refused_batch_that_begins_before_the_span_is_not_told_again() -> None:
    assert rows(small(0, b"x", b"y", deltas=(0, 900)), small(2, b"c"), position=1, end=3)[0]["offset"] == 2


def test_batches_of_rows_are_bounded_in_bytes_and_rows() -> None:
    large = [
        batch.num_rows for batch in rows_of(chunks(bomb(60, key=b"k", value_bytes=1_000_000, is_allowed=True)), 60)
    ]
    assert (sum(large), max(large)) == (60, 32)
    tiny = [batch.num_rows for batch in rows_of(chunks(small(0, *[b"1"] * 25_000)), 25_000)]
    assert sum(tiny) == 25_000
    assert max(tiny) < 10_100


def test_rejected_rows_do_not_wait_by_gigabytes_for_a_row_group(tmp_path: Path) -> None:
    values = [b"x" * KEPT_BYTES] * 500
    columns = [[0] * 500, list(range(500)), [1_000] * 500, values]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, RECORD_SCHEMA.types, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=RECORD_SCHEMA)
    [file] = written(judged([batch] * 6, Seen({}, lambda *_: [])), str(tmp_path))
    parquet = pq.ParquetFile(tmp_path / file.to_pylist()[0]["path"])
    assert (parquet.metadata.num_rows, parquet.num_row_groups) == (3_000, 3)
