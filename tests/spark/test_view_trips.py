from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from cold_path.views.trips import trips
from contracts.views import VIEW_COLUMNS

LAKE = (
    "vehicle_id string, trip_started_at_ms long, partition int, recorded_at_ms long, trip_distance_m long, "
    "trip_fuel_ml long, trip_idle_s long, repeated boolean, rejected_reason string"
)
CAR = "1HGCM82633A004352"
OTHER_CAR = "1HGCM82633A004353"


def a_row(car: str | None = CAR, trip: int | None = 1_000, **facts: Any) -> tuple[Any, ...]:
    row: dict[str, Any] = {
        "vehicle_id": car,
        "trip_started_at_ms": trip,
        "partition": 3,
        "recorded_at_ms": 2_000,
        "trip_distance_m": 10,
        "trip_fuel_ml": None,
        "trip_idle_s": None,
        "repeated": False,
        "rejected_reason": None,
    } | facts
    return tuple(row.values())


@pytest.fixture(scope="module")
def view(spark: SparkSession) -> dict[tuple[str, int], Any]:
    rows = [
        a_row(recorded_at_ms=3_000, trip_distance_m=500, trip_fuel_ml=40, trip_idle_s=0),
        a_row(recorded_at_ms=9_000, trip_distance_m=800, trip_fuel_ml=None, trip_idle_s=3),
        a_row(recorded_at_ms=4_000, trip_distance_m=600, trip_fuel_ml=50, trip_idle_s=2),
        a_row(recorded_at_ms=9_000, trip_distance_m=800, trip_fuel_ml=60, trip_idle_s=3, repeated=True),
        a_row(trip=5_000, trip_distance_m=7),
        a_row(OTHER_CAR, trip_distance_m=1),
        a_row(None, None, trip_distance_m=None, recorded_at_ms=None, rejected_reason="not_json"),
    ]
    found = trips(spark.createDataFrame(rows, LAKE))
    return {(row.vehicle_id, row.trip_started_at_ms): row for row in found.collect()}


def test_the_view_has_the_columns_of_the_contract(spark: SparkSession) -> None:
    assert names_and_types(trips(spark.createDataFrame([], LAKE))) == VIEW_COLUMNS["trips"]


def test_a_total_is_the_greatest_counter_whatever_the_order(view: dict[tuple[str, int], Any]) -> None:
    trip = view[CAR, 1_000]
    assert (trip.distance_m, trip.idle_s, trip.ended_at_ms, trip.partition) == (800, 3, 9_000, 3)


def test_a_repeated_reading_counts_in_totals_but_not_as_a_reading(view: dict[tuple[str, int], Any]) -> None:
    trip = view[CAR, 1_000]
    assert (trip.fuel_ml, trip.readings) == (60, 3)


def test_a_counter_that_no_reading_carries_stays_absent(view: dict[tuple[str, int], Any]) -> None:
    assert (view[CAR, 5_000].fuel_ml, view[CAR, 5_000].idle_s) == (None, None)


def test_a_rejected_record_makes_no_trip(view: dict[tuple[str, int], Any]) -> None:
    assert set(view) == {(CAR, 1_000), (CAR, 5_000), (OTHER_CAR, 1_000)}


def names_and_types(view: DataFrame) -> dict[str, str]:
    return {name: {"bigint": "long"}.get(kind, kind) for name, kind in view.dtypes}
