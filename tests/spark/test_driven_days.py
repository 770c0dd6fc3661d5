from __future__ import annotations

from pyspark.sql import SparkSession

from cold_path.views.driven_days import driven_days
from contracts.views import VIEW_COLUMNS

DRIVING = ", ".join(f"{name} {kind}" for name, kind in VIEW_COLUMNS["trip_driving"].items())
CARS = [f"1HGCM82633A00{number:04}" for number in range(9)]


def a_trip(car: str, burnt_ml: int, *, driven_m: int = 5_000) -> tuple[object, ...]:
    return (car, 0, driven_m, 600.0, burnt_ml, 1_000.0, 900.0, 0, 0, 0)


def test_par_is_the_model_s_median_drawn_towards_the_fleet_s(spark: SparkSession) -> None:
    vehicles = spark.createDataFrame(
        [(car, "A" if at < 6 else "B") for at, car in enumerate(CARS)], "vehicle_id string, model string"
    )
    burnt = [1_000, 1_000, 1_000, 1_000, 1_000, 1_080, 1_200, 1_200, 1_200]
    trips = [a_trip(car, ml) for car, ml in zip(CARS, burnt, strict=True)]
    trips.append(a_trip(CARS[0], 9_000, driven_m=400))  # too short to say anything
    rows = {row.vehicle_id: row for row in driven_days(spark.createDataFrame(trips, DRIVING), vehicles).collect()}
    assert round(rows[CARS[0]].par_ml, 6) == 1_000.0
    assert round(rows[CARS[5]].par_ml, 6) == 1_000.0
    assert round(rows[CARS[8]].par_ml, 6) == 1_100.0  # 3 cars at 1.2, as if 3 at the fleet's 1.0
    assert rows[CARS[8]].fleet_par_ml == 1_000.0
    assert rows[CARS[0]].burnt_ml == 1_000


def test_cars_that_nobody_registered_are_a_model_of_their_own(spark: SparkSession) -> None:
    nobody = spark.createDataFrame([], "vehicle_id string, model string")
    [row] = driven_days(spark.createDataFrame([a_trip(CARS[0], 1_100)], DRIVING), nobody).collect()
    assert round(row.par_ml, 6) == 1_100.0
