"""Rows of the lake for tests: records judged as ingest judges them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from disturbed import Record
from pyspark.sql import DataFrame, SparkSession

from cold_path.lake.judgement import LAKE_SCHEMA, judged
from cold_path.lake.sequences import Seen

_FOLDER: Final = tempfile.TemporaryDirectory(prefix="lakes-")
"""Kept until the tests end."""


def lake_of(spark: SparkSession, records: list[Record]) -> DataFrame:
    """Give the rows that a lake has after these records, as a table in a file."""
    columns = {
        "partition": pa.array([record.partition for record in records], pa.int32()),
        "offset": pa.array([record.offset for record in records], pa.int64()),
        "received_at_ms": pa.array([record.received_at_ms for record in records], pa.int64()),
        "value": pa.array([record.value for record in records], pa.binary()),
    }
    rows = list(judged([pa.RecordBatch.from_pydict(columns)], Seen({}, lambda _vehicle, _trip: [])))
    file = Path(_FOLDER.name) / f"{uuid4()}.parquet"
    pq.write_table(pa.Table.from_batches(rows, LAKE_SCHEMA), file)
    return spark.read.parquet(str(file))
