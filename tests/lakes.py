"""Rows of the lake for tests: records judged as ingest judges them."""

from __future__ import annotations

import pyarrow as pa
from disturbed import Record
from pyspark.sql import DataFrame, SparkSession

from cold_path.lake.judgement import LAKE_SCHEMA, judged
from cold_path.lake.sequences import Seen


def lake_of(spark: SparkSession, records: list[Record]) -> DataFrame:
    """Give the rows that a lake has after these records."""
    columns = {
        "partition": pa.array([record.partition for record in records], pa.int32()),
        "offset": pa.array([record.offset for record in records], pa.int64()),
        "received_at_ms": pa.array([record.received_at_ms for record in records], pa.int64()),
        "value": pa.array([record.value for record in records], pa.binary()),
    }
    rows = list(judged([pa.RecordBatch.from_pydict(columns)], Seen({}, lambda _vehicle, _trip: [])))
    return spark.createDataFrame(pa.Table.from_batches(rows, LAKE_SCHEMA))
