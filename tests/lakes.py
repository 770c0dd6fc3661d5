"""Lakes for tests: records judged and written as ingest does, without Spark."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from disturbed import Record

from cold_path.lake import ledger
from cold_path.lake.commit import commit
from cold_path.lake.files import written
from cold_path.lake.judgement import LAKE_SCHEMA, judged
from cold_path.lake.sequences import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import DataFrame, SparkSession

_FOLDER: Final = tempfile.TemporaryDirectory(prefix="lakes-")
"""Kept until the tests end."""


def rows_of(records: list[Record]) -> Iterator[pa.RecordBatch]:
    """Judge records as Spark's workers do."""
    columns = {
        "partition": pa.array([record.partition for record in records], pa.int32()),
        "offset": pa.array([record.offset for record in records], pa.int64()),
        "received_at_ms": pa.array([record.received_at_ms for record in records], pa.int64()),
        "value": pa.array([record.value for record in records], pa.binary()),
    }
    return judged([pa.RecordBatch.from_pydict(columns)], Seen({}, lambda _vehicle, _trip: []))


def lake_of(spark: SparkSession, records: list[Record]) -> DataFrame:
    """Give the rows that a lake has after these records, as a table in a file."""
    file = Path(_FOLDER.name) / f"{uuid4()}.parquet"
    pq.write_table(pa.Table.from_batches(rows_of(records), LAKE_SCHEMA), file)
    return spark.read.parquet(str(file))


def append(
    folder: Path, records: list[Record], entry: ledger.Entry | None, *, ends: Mapping[int, int] | None = None
) -> ledger.Entry:
    """Write records as one ingest; `ends` are the offsets that it covers, where these are more than the records'."""
    covered = dict(entry.offsets) if entry else {}
    covered |= {record.partition: record.offset + 1 for record in records} | dict(ends or {})
    new = ledger.following(entry, topic="readings", ends=covered, lost={})
    commit(folder, new, [file for batch in written(rows_of(records), str(folder)) for file in batch.to_pylist()])
    return new
