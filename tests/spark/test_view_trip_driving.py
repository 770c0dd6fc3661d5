from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from cold_path.views.trip_driving import trip_driving
from contracts.views import VIEW_COLUMNS

LAKE = (
    "vehicle_id string, trip_started_at_ms long, sequence long, recorded_at_ms long, trip_distance_m long, "
    "trip_fuel_ml long, speed_kmh double, acceleration_mps2 double, altitude_m double, repeated boolean, "
    "rejected_reason string"
)
VEHICLES = (
    "vehicle_id string, model string, fleet string, displacement_l double, mass_kg double, road_load_a_n double, "
    "road_load_b_n_per_mps double, road_load_c_n_per_mps2 double"
)
CAR, UNKNOWN = "1HGCM82633A004352", "1HGCM82633A004353"
REGISTRY = [(CAR, "Honda Accord 2003", "north", 2.0, 1_500.0, 100.0, 0.0, 0.5), (UNKNOWN, "?", "n", *[None] * 5)]
ML_PER_KJ = 1 / (43.0 * 0.745)
FRICTION_STANDING_KW, FRICTION_20_KW = 5.29 * 2, (5.29 - 0.1854 * 20) * 2


def a_reading(second: int, *, metres: int, fuel: int | None, speed_mps: float, **facts: Any) -> tuple[Any, ...]:
    row: dict[str, Any] = {
        "vehicle_id": CAR,
        "trip_started_at_ms": 0,
        "sequence": second,
        "recorded_at_ms": second * 1_000,
        "trip_distance_m": metres,
        "trip_fuel_ml": fuel,
        "speed_kmh": speed_mps * 3.6,
        "acceleration_mps2": None,
        "altitude_m": None,
        "repeated": False,
        "rejected_reason": None,
    } | facts
    return tuple(row.values())


def driven(spark: SparkSession, *readings: tuple[Any, ...]) -> list[Row]:
    view = trip_driving(spark.createDataFrame(list(readings), LAKE), spark.createDataFrame(REGISTRY, VEHICLES))
    return list(view.collect())


def cruising(seconds: range, **facts: Any) -> list[tuple[Any, ...]]:
    return [a_reading(second, metres=20 * second, fuel=second, speed_mps=20.0, **facts) for second in seconds]


def test_the_view_has_the_columns_of_the_contract(spark: SparkSession) -> None:
    view = trip_driving(spark.createDataFrame([], LAKE), spark.createDataFrame([], VEHICLES))
    assert {name: {"bigint": "long"}.get(kind, kind) for name, kind in view.dtypes} == VIEW_COLUMNS["trip_driving"]


def test_steady_driving_is_road_load_and_friction_and_as_smooth_as_can_be(spark: SparkSession) -> None:
    [trip] = driven(spark, *cruising(range(31)))
    wheel_kw = 20 * (100 + 0.5 * 20**2) / 1_000
    expected_ml = (3.267 * wheel_kw + FRICTION_20_KW) * 30 * ML_PER_KJ
    assert (trip.driven_m, trip.driven_s, trip.burnt_ml) == (600, 30.0, 30)
    assert trip.predicted_ml == pytest.approx(expected_ml, abs=0.001)
    assert trip.smooth_ml == pytest.approx(expected_ml, abs=0.001)


def test_climbing_costs_weight_times_height(spark: SparkSession) -> None:
    flat, hill = (
        cruising(range(31)),
        [
            a_reading(second, metres=20 * second, fuel=second, speed_mps=20.0, altitude_m=1_600.0 + second)
            for second in range(31)
        ],
    )
    climb_ml = 3.267 * 1_500 * 9.81 * 30 / 1_000 * ML_PER_KJ
    [level], [climbed] = driven(spark, *flat), driven(spark, *hill)
    assert climbed.predicted_ml - level.predicted_ml == pytest.approx(climb_ml, abs=0.01)


def test_standing_costs_friction_only_for_both_drivers(spark: SparkSession) -> None:
    [trip] = driven(spark, *(a_reading(second, metres=0, fuel=second, speed_mps=0.0) for second in range(11)))
    assert trip.predicted_ml == trip.smooth_ml == pytest.approx(FRICTION_STANDING_KW * 10 * ML_PER_KJ, abs=0.001)


def test_waves_of_speed_cost_more_than_the_smooth_driver_needs(spark: SparkSession) -> None:
    metres, readings = 0, []
    for second in range(50):
        speed = 15.0 + 5 * (second % 5)
        metres += round(speed)
        readings.append(a_reading(second, metres=metres, fuel=2 * second, speed_mps=speed))
    [trip] = driven(spark, *readings)
    assert trip.predicted_ml > 1.3 * trip.smooth_ml


def test_repeated_rejected_and_distant_readings_are_no_steps(spark: SparkSession) -> None:
    odd = [
        a_reading(30, metres=600, fuel=30, speed_mps=20.0, repeated=True),
        a_reading(7, metres=900, fuel=90, speed_mps=90.0, rejected_reason="not_json"),
        a_reading(100, metres=2_000, fuel=100, speed_mps=20.0),
    ]
    [trip] = driven(spark, *cruising(range(31)), *odd)
    assert (trip.driven_m, trip.burnt_ml) == (600, 30)


def test_without_fuel_nothing_is_held_against_physics(spark: SparkSession) -> None:
    assert driven(spark, *(a_reading(second, metres=second, fuel=None, speed_mps=1.0) for second in range(5))) == []


def test_a_vehicle_of_unknown_physics_has_a_style_but_no_prediction(spark: SparkSession) -> None:
    [trip] = driven(spark, *cruising(range(11), vehicle_id=UNKNOWN))
    assert (trip.predicted_ml, trip.smooth_ml, trip.driven_m) == (None, None, 200)


def test_one_long_braking_is_one_harsh_braking(spark: SparkSession) -> None:
    told = [0.0, -3.0, -3.5, -2.5, 0.0, -2.6, 2.0, 2.5, 2.6, 0.0]
    readings = [
        a_reading(second, metres=10 * second, fuel=second, speed_mps=10.0, acceleration_mps2=acceleration)
        for second, acceleration in enumerate(told)
    ]
    [trip] = driven(spark, *readings)
    assert (trip.harsh_brakings, trip.harsh_accelerations) == (2, 1)


def test_speeding_is_counted_in_metres(spark: SparkSession) -> None:
    fast = [a_reading(second, metres=40 * second, fuel=second, speed_mps=40.0) for second in range(6)]
    [trip] = driven(spark, *fast)
    assert trip.speeding_m == 200
