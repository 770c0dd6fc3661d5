from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cold_path.views.vehicle_days import vehicle_days
from contracts.views import VIEW_COLUMNS

TRIPS = "vehicle_id string, trip_started_at_ms long, distance_m long, fuel_ml long, idle_s long"
CAR = "1HGCM82633A004352"


def at(day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> dict[date, Any]:
    rows = [
        (CAR, at(20, 0), 1_000, 80, 10),
        (CAR, at(20, 23, 59), 500, 50, None),
        (CAR, at(20, 12), 499, 60, 5),
        (CAR, at(20, 13), 9_000, None, None),
        (CAR, at(21, 0), 499, 70, None),
    ]
    found = vehicle_days(spark.createDataFrame(rows, TRIPS)).collect()
    return {row.day: row for row in found}


def test_the_view_has_the_columns_of_the_contract(spark: SparkSession) -> None:
    view = vehicle_days(spark.createDataFrame([], TRIPS))
    assert {name: {"bigint": "long"}.get(kind, kind) for name, kind in view.dtypes} == VIEW_COLUMNS["vehicle_days"]


def test_a_trip_counts_on_the_utc_day_it_began(days: dict[date, Any]) -> None:
    assert {day: row.trips for day, row in days.items()} == {date(2026, 11, 20): 4, date(2026, 11, 21): 1}


def test_distance_and_idling_are_over_all_trips(days: dict[date, Any]) -> None:
    day = days[date(2026, 11, 20)]
    assert (day.distance_m, day.idle_s) == (10_999, 15)


def test_fuel_counts_with_the_distance_it_was_burnt_on_from_500_m(days: dict[date, Any]) -> None:
    day = days[date(2026, 11, 20)]
    assert (day.ranked_trips, day.fuelled_distance_m, day.fuel_ml) == (2, 1_500, 130)


def test_a_day_of_short_trips_has_no_fuel_figure(days: dict[date, Any]) -> None:
    day = days[date(2026, 11, 21)]
    assert (day.ranked_trips, day.fuelled_distance_m, day.fuel_ml) == (0, None, None)
