from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cold_path.views.driving_style import driving_style
from contracts.views import VIEW_COLUMNS

CAR, OTHER_CAR = "1HGCM82633A004352", "1HGCM82633A004353"
DAY_MS = 86_400_000
MONDAY_MS = 20_773 * DAY_MS  # 2026-11-16
TRIPS = ", ".join(f"{name} {kind}" for name, kind in VIEW_COLUMNS["trips"].items())
DRIVING = ", ".join(f"{name} {kind}" for name, kind in VIEW_COLUMNS["trip_driving"].items())


@pytest.fixture(scope="module")
def view(spark: SparkSession) -> dict[tuple[str, str], Any]:
    trips = [
        (CAR, MONDAY_MS, 0, MONDAY_MS, 10_000, 900, 60, 100),
        (CAR, MONDAY_MS + 5, 0, MONDAY_MS, 30_000, None, None, 100),
        (CAR, MONDAY_MS + DAY_MS, 0, MONDAY_MS, 60_000, 900, 30, 100),
        (OTHER_CAR, MONDAY_MS, 0, MONDAY_MS, 0, 900, 600, 100),
    ]
    driving = [
        (CAR, MONDAY_MS, 9_900, 600.0, 890, None, None, 3, 1, 500),
        (CAR, MONDAY_MS + DAY_MS, 60_000, 600.0, 890, 1.0, 1.0, 1, 0, 0),
    ]
    rows = driving_style(
        spark.createDataFrame(trips, TRIPS), spark.createDataFrame(driving, DRIVING), date(2026, 11, 17)
    )
    return {(row.vehicle_id, f"{row.period_kind} {row.period}"): row for row in rows.collect()}


def test_the_view_has_the_columns_of_the_contract(spark: SparkSession) -> None:
    view = driving_style(spark.createDataFrame([], TRIPS), spark.createDataFrame([], DRIVING), date(2026, 11, 17))
    assert {name: {"bigint": "long"}.get(kind, kind) for name, kind in view.dtypes} == VIEW_COLUMNS["driving_style"]


def test_rates_are_per_100_km_of_all_trips(view: dict[tuple[str, str], Any]) -> None:
    day = view[CAR, "day 2026-11-16"]
    assert (day.trips, day.distance_m, day.harsh_brakings, day.idle_s) == (2, 40_000, 3, 60)
    assert (day.harsh_brakings_per_100km, day.harsh_accelerations_per_100km) == (7.5, 2.5)
    assert (day.idle_s_per_100km, day.speeding_m_per_100km) == (150.0, 1_250.0)


def test_a_week_sums_its_days(view: dict[tuple[str, str], Any]) -> None:
    assert view[CAR, "week 2026-W47"].harsh_brakings_per_100km == 4.0
    assert view[CAR, "last_7_days 2026-11-11"].harsh_brakings == 4


def test_standing_all_day_has_no_rate(view: dict[tuple[str, str], Any]) -> None:
    day = view[OTHER_CAR, "day 2026-11-16"]
    assert (day.idle_s, day.harsh_brakings, day.idle_s_per_100km) == (600, 0, None)
