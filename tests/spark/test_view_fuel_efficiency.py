from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cold_path.views.fuel_efficiency import fuel_efficiency
from contracts.definitions import co2_g_per_km, litres_per_100km, mpg_us
from contracts.views import VIEW_COLUMNS

DAYS = "vehicle_id string, day date, ranked_trips long, fuelled_distance_m long, fuel_ml long"
DRIVEN = (
    "vehicle_id string, day date, burnt_ml long, predicted_ml double, smooth_ml double, par_ml double, "
    "fleet_par_ml double"
)
VEHICLES = "vehicle_id string, model string, fleet string"
AS_OF = date(2027, 1, 2)
ACCORD, CIVIC, UNREGISTERED = "1HGCM82633A004352", "1HGCM82633A004353", "1HGCM82633A004354"
REGISTRY = [(ACCORD, "Honda Accord 2003", "north"), (CIVIC, "Honda Civic 2004", "north")]

View = dict[tuple[str, str, str, str], Any]


@pytest.fixture(scope="module")
def view(spark: SparkSession) -> View:
    rows = [
        (ACCORD, date(2026, 12, 3), 1, 1_000, 90),
        (ACCORD, date(2026, 12, 26), 1, 10_000, 800),
        (ACCORD, date(2026, 12, 27), 2, 7_000, 555),
        (ACCORD, date(2027, 1, 3), 1, 3_000, 0),
        (CIVIC, date(2026, 12, 27), 1, 20_000, 1_000),
        (UNREGISTERED, date(2026, 12, 27), 1, 5_000, 400),
        (CIVIC, date(2027, 1, 1), 0, None, None),
    ]
    driven = [
        (ACCORD, date(2026, 12, 26), 800, 700.0, 600.0, 750.0, 640.0),
        (ACCORD, date(2026, 12, 27), 550, 500.0, 400.0, 500.0, 440.0),
        (CIVIC, date(2026, 12, 27), 1_000, 900.0, 850.0, 1_000.0, 1_100.0),
    ]
    days, driven_days = spark.createDataFrame(rows, DAYS), spark.createDataFrame(driven, DRIVEN)
    found = fuel_efficiency(days, driven_days, spark.createDataFrame(REGISTRY, VEHICLES), AS_OF)
    return {(row.scope, row.key, row.period_kind, row.period): row for row in found.collect()}


def test_the_view_has_the_columns_of_the_contract(spark: SparkSession) -> None:
    days, driven_days = spark.createDataFrame([], DAYS), spark.createDataFrame([], DRIVEN)
    view = fuel_efficiency(days, driven_days, spark.createDataFrame([], VEHICLES), AS_OF)
    assert {name: {"bigint": "long"}.get(kind, kind) for name, kind in view.dtypes} == VIEW_COLUMNS["fuel_efficiency"]


def test_consumption_is_fuel_over_distance_as_defined_to_the_last_bit(view: View) -> None:
    row = view["vehicle", ACCORD, "day", "2026-12-27"]
    assert row.litres_per_100km == litres_per_100km(7_000, 555)
    assert row.mpg_us == mpg_us(7_000, 555)
    assert row.co2_g_per_km == co2_g_per_km(7_000, 555)


def test_driving_without_fuel_has_no_miles_per_gallon(view: View) -> None:
    assert view["vehicle", ACCORD, "day", "2027-01-03"].mpg_us is None


def test_a_week_is_the_iso_week_of_its_own_year(view: View) -> None:
    weeks = {period for scope, key, kind, period in view if (scope, key, kind) == ("vehicle", ACCORD, "week")}
    assert weeks == {"2026-W49", "2026-W52", "2026-W53"}


def test_a_month_sums_its_days(view: View) -> None:
    row = view["vehicle", ACCORD, "month", "2026-12"]
    assert (row.trips, row.distance_m, row.fuel_ml) == (4, 18_000, 1_445)


def test_the_last_seven_days_begin_six_days_before_and_are_open_at_the_end(view: View) -> None:
    row = view["vehicle", ACCORD, "last_7_days", "2026-12-27"]
    assert (row.trips, row.distance_m) == (3, 10_000)


def test_the_last_thirty_days_begin_29_days_before(view: View) -> None:
    row = view["vehicle", ACCORD, "last_30_days", "2026-12-04"]
    assert (row.trips, row.distance_m) == (4, 20_000)


def test_models_and_fleets_sum_their_registered_vehicles(view: View) -> None:
    assert view["model", "Honda Civic 2004", "day", "2026-12-27"].distance_m == 20_000
    assert view["fleet", "north", "day", "2026-12-27"].distance_m == 27_000


def test_an_unregistered_vehicle_counts_for_itself_only(view: View) -> None:
    assert view["vehicle", UNREGISTERED, "day", "2026-12-27"].distance_m == 5_000
    assert {key for scope, key, _, _ in view if scope == "fleet"} == {"north"}


def test_a_day_without_a_ranked_trip_has_no_row(view: View) -> None:
    assert ("vehicle", CIVIC, "day", "2027-01-01") not in view


def test_the_efficiency_index_is_what_was_burnt_over_par_of_the_models(view: View) -> None:
    assert view["vehicle", ACCORD, "day", "2026-12-27"].efficiency_index == 110.0
    assert view["vehicle", ACCORD, "month", "2026-12"].efficiency_index == 108.0  # 1,350 over 1,250
    assert view["fleet", "north", "day", "2026-12-27"].efficiency_index == 103.33  # 1,550 over 1,500


def test_a_model_is_held_against_the_whole_fleet(view: View) -> None:
    assert view["model", "Honda Accord 2003", "day", "2026-12-27"].efficiency_index == 125.0


def test_the_driver_s_index_is_the_driving_done_over_smooth_driving(view: View) -> None:
    assert view["vehicle", ACCORD, "day", "2026-12-27"].driver_index == 125.0


def test_without_physics_there_is_no_index(view: View) -> None:
    row = view["vehicle", UNREGISTERED, "day", "2026-12-27"]
    assert (row.efficiency_index, row.driver_index) == (None, None)
