from __future__ import annotations

import pyarrow as pa
import pytest
from both_paths import recomputed
from disturbed import Record, disturbed_stream
from pyspark.sql import SparkSession
from spark_session import the_session

from cold_path.lake.judgement import LAKE_SCHEMA, judged
from cold_path.lake.sequences import Seen
from cold_path.verification.totals import Recomputation, Trips
from cold_path.views.trips import trips
from contracts.errors import MalformedReading
from contracts.plausibility import believe


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return the_session()


@pytest.mark.parametrize("seed", [1, 7])
def test_the_trips_of_a_disturbed_stream_are_those_recomputed_from_its_bytes(spark: SparkSession, seed: int) -> None:
    records = disturbed_stream(seed)
    view = trips(spark.createDataFrame(lake_of(records))).collect()
    totals = {(row.vehicle_id, row.trip_started_at_ms): (row.distance_m, row.fuel_ml, row.idle_s) for row in view}
    ended = {(row.vehicle_id, row.trip_started_at_ms): row.ended_at_ms for row in view}
    expected = recomputed(records)
    assert totals == {trip: (t.distance_m, t.fuel_ml, t.idle_s) for trip, t in expected.items()}
    assert ended == {trip: t.ended_at_ms for trip, t in expected.items()}
    assert totals == proof(records)
    assert sum(row.readings for row in view) == len(distinct(records))


def lake_of(records: list[Record]) -> pa.Table:
    columns: list[pa.Array] = [
        pa.array([record.partition for record in records], pa.int32()),
        pa.array([record.offset for record in records], pa.int64()),
        pa.array([record.received_at_ms for record in records], pa.int64()),
        pa.array([record.value for record in records], pa.binary()),
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=["partition", "offset", "received_at_ms", "value"])
    return pa.Table.from_batches(judged([batch], Seen({}, lambda *_: [])), schema=LAKE_SCHEMA)


def proof(records: list[Record]) -> Trips:
    fold = Recomputation()
    for record in records:
        fold.add(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
    return fold.trips


def distinct(records: list[Record]) -> set[tuple[str, int, int]]:
    found = set()
    for record in records:
        try:
            reading, _ = believe(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
        except MalformedReading:
            continue
        found.add((reading.vehicle_id, reading.trip_started_at_ms, reading.sequence))
    return found
