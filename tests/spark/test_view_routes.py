from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from driven_roads import a_drive, heard
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.routes.costs import read_costs
from cold_path.views.road_costs import road_costs, road_rows, vehicle_class
from cold_path.views.road_costs import time_of_day as time_of_day_column
from cold_path.views.route_savings import route_savings
from cold_path.views.traversals import traversals
from contracts.road_costs import class_of, local_hour, time_of_day
from contracts.views import VIEW_COLUMNS
from roads import default_network

LAKE = (
    "vehicle_id string, trip_started_at_ms long, sequence long, recorded_at_ms long, latitude_deg double, "
    "longitude_deg double, heading_deg double, speed_kmh double, trip_distance_m long, trip_fuel_ml long, "
    "trip_idle_s long, repeated boolean, rejected_reason string"
)
VEHICLES = (
    "vehicle_id string, model string, fleet string, displacement_l double, mass_kg double, road_load_a_n double, "
    "road_load_b_n_per_mps double, road_load_c_n_per_mps2 double"
)
TRIPS = 40
NETWORK = default_network()


def _car(trip: int) -> str:
    return f"1HGCM82633A00435{trip % 4}"


@pytest.fixture(scope="module")
def lake(spark: SparkSession) -> DataFrame:
    rng = random.Random(12)
    readings = heard(NETWORK, [a_drive(NETWORK, rng) for _ in range(TRIPS)], every_s=2, noise_m=8, seed=1)
    rows: list[tuple[Any, ...]] = []
    for i, trip in enumerate(readings.trip.tolist()):
        started_at_ms = 1_795_000_000_000 + trip * 3_600_000
        shift_ms = trip * 3_600_000
        row = (
            *(_car(trip), started_at_ms, i, int(readings.recorded_at_ms[i]) + shift_ms),
            *(float(readings.latitude_deg[i]), float(readings.longitude_deg[i]), float(readings.heading_deg[i])),
            *(
                float(readings.speed_kmh[i]),
                int(readings.distance_m[i]),
                int(readings.fuel_ml[i]),
                int(readings.idle_s[i]),
            ),
        )
        rows.append((*row, False, None))
        if i % 50 == 0:
            rows += [(*row, True, None), (None,) * 11 + (False, "not_json")]
    random.Random(3).shuffle(rows)
    return spark.createDataFrame(rows, LAKE)


@pytest.fixture(scope="module")
def vehicles(spark: SparkSession) -> DataFrame:
    rows = [
        (_car(0), "a", "f", 1.5, 1_200.0, 100.0, 1.5, 0.35),
        (_car(1), "b", "f", 2.5, 1_700.0, 130.0, 2.0, 0.40),
        (_car(2), "c", "f", 4.0, 2_300.0, 180.0, 2.5, 0.60),
        (_car(3), "d", "f", None, None, None, None, None),
    ]
    return spark.createDataFrame(rows, VEHICLES)


@pytest.fixture(scope="module")
def matched(spark: SparkSession, lake: DataFrame) -> DataFrame:
    return traversals(lake, spark.sparkContext.broadcast(NETWORK)).cache()


@pytest.fixture(scope="module")
def written_costs(
    spark: SparkSession, matched: DataFrame, vehicles: DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("views") / "road_costs"
    road_costs(matched, vehicles, road_rows(spark, NETWORK)).write.parquet(str(folder))
    return folder


def test_each_view_has_the_columns_of_the_contract(
    spark: SparkSession, matched: DataFrame, vehicles: DataFrame, written_costs: Path
) -> None:
    costs = spark.sparkContext.broadcast(read_costs(written_costs, len(NETWORK.segments)))
    savings = route_savings(matched, vehicles, costs, spark.sparkContext.broadcast(NETWORK))
    assert names_and_types(matched) == VIEW_COLUMNS["traversals"]
    assert names_and_types(savings) == VIEW_COLUMNS["route_savings"]
    assert names_and_types(spark.read.parquet(str(written_costs))) == VIEW_COLUMNS["road_costs"]


def test_trips_are_matched_whatever_order_and_repeats_the_lake_has(matched: DataFrame) -> None:
    rows = matched.where("chain = 0").orderBy("trip_started_at_ms", "place").collect()
    assert len({row.trip_started_at_ms for row in rows}) == TRIPS
    assert all(row.entered_at_ms <= row.left_at_ms for row in rows if row.left_at_ms is not None)
    assert sum(row.left_at_ms is not None for row in rows) > 0.95 * len(rows) - 2 * TRIPS
    starts = {(row.trip_started_at_ms, row.place): NETWORK.starts[row.segment_id] for row in rows}
    for row in rows:
        assert (
            starts.get((row.trip_started_at_ms, row.place + 1), NETWORK.ends[row.segment_id])
            == (NETWORK.ends[row.segment_id])
        )


def test_each_class_has_every_segment_and_times_of_day_only_where_driven(
    spark: SparkSession, written_costs: Path
) -> None:
    costs = spark.read.parquet(str(written_costs)).collect()
    whole = [row for row in costs if row.time_of_day == "all"]
    assert {row.vehicle_class for row in whole} == {"light", "medium", "heavy"}
    assert len(whole) == 3 * len(NETWORK.segments)
    assert all(row.traversals > 0 for row in costs if row.time_of_day != "all")
    assert all(row.seconds > 0 and row.fuel_ml > 0 for row in costs)


def test_a_cost_lies_between_what_was_observed_and_what_was_expected(spark: SparkSession, written_costs: Path) -> None:
    costs = [row for row in spark.read.parquet(str(written_costs)).collect() if row.time_of_day == "all"]
    unseen = [row for row in costs if row.traversals == 0]
    often = max(costs, key=lambda row: row.traversals)
    assert unseen
    assert all(row.observed_seconds is None for row in unseen)
    assert abs(often.seconds - often.observed_seconds) < abs(often.model_seconds - often.observed_seconds)


def test_a_heavy_car_burns_more_on_the_same_road(spark: SparkSession, written_costs: Path) -> None:
    by_class = {
        row.vehicle_class: row.ml
        for row in spark.read.parquet(str(written_costs))
        .where("time_of_day = 'all'")
        .groupBy("vehicle_class")
        .agg({"fuel_ml": "sum"})
        .toDF("vehicle_class", "ml")
        .collect()
    }
    assert by_class["light"] < by_class["medium"] < by_class["heavy"]


def test_no_trip_beats_the_frugal_route_on_fuel_or_the_fast_one_on_time(
    spark: SparkSession, matched: DataFrame, vehicles: DataFrame, written_costs: Path
) -> None:
    costs = spark.sparkContext.broadcast(read_costs(written_costs, len(NETWORK.segments)))
    savings = route_savings(matched, vehicles, costs, spark.sparkContext.broadcast(NETWORK)).collect()
    assert len(savings) >= TRIPS // 4
    assert {row.vehicle_id for row in savings} <= {_car(0), _car(1), _car(2)}
    for row in savings:
        assert row.frugal_fuel_ml <= min(row.expected_fuel_ml, row.fast_fuel_ml) + 0.01
        assert row.fast_s <= min(row.expected_s, row.frugal_s) + 0.01
        assert row.saved_fuel_ml == pytest.approx(row.expected_fuel_ml - row.frugal_fuel_ml, abs=0.01)
        assert row.driven_s > 0


def test_without_a_known_vehicle_nothing_is_costed(spark: SparkSession, matched: DataFrame) -> None:
    nobody = spark.createDataFrame([], VEHICLES)
    assert road_costs(matched, nobody, road_rows(spark, NETWORK)).collect() == []


def test_without_a_passage_the_model_stands(spark: SparkSession, matched: DataFrame, vehicles: DataFrame) -> None:
    costs = road_costs(matched.limit(0), vehicles, road_rows(spark, NETWORK)).collect()
    assert len(costs) == 3 * len(NETWORK.segments)
    assert all(row.seconds == row.model_seconds and row.fuel_ml == row.model_fuel_ml for row in costs)


@pytest.mark.parametrize(
    "physics",
    [
        (2.0, 1_500.0, -1e6, -1e6, -1e6),  # the road drives the car: the model burns nothing
        (0.0, 1_500.0, 0.0, 0.0, 0.0),
        (-1e6, 1_500.0, 120.0, 1.0, 0.4),
        (1e-300, 1e-300, 1e-300, 0.0, 0.0),
    ],
)
def test_a_car_whose_model_burns_nothing_counts_for_no_fuel_and_harms_no_other(
    spark: SparkSession, matched: DataFrame, physics: tuple[float, ...]
) -> None:
    sane = (_car(0), "a", "f", 1.5, 1_700.0, 100.0, 1.5, 0.35)
    cars = spark.createDataFrame([sane, (_car(1), "b", "f", *physics), (_car(2), *sane[1:])], VEHICLES)
    costs = road_costs(matched, cars, road_rows(spark, NETWORK)).where("time_of_day = 'all'").collect()
    medium = [row for row in costs if row.vehicle_class == "medium"]
    assert len(medium) == len(NETWORK.segments)
    assert all(row.seconds > 0 and row.fuel_ml >= 0 for row in costs)
    assert all(row.fuel_ml > 0 for row in medium)


def test_a_passage_of_unknown_fuel_is_no_observation_of_fuel(
    spark: SparkSession, matched: DataFrame, vehicles: DataFrame
) -> None:
    without = matched.withColumn("fuel_ml", F.lit(None).cast("double"))
    costs = road_costs(without, vehicles, road_rows(spark, NETWORK)).where("traversals > 0").collect()
    assert costs
    assert all(row.observed_fuel_ml is None and row.fuel_ml == row.model_fuel_ml for row in costs)


def test_hours_and_classes_are_those_of_the_contract(spark: SparkSession) -> None:
    longitude_deg = -104.98
    times = spark.range(1_795_000_000_000, 1_795_100_000_000, 1_234_567)
    for row in times.select("id", time_of_day_column(F.col("id"), F.lit(longitude_deg))).collect():
        assert row.time_of_day == time_of_day(local_hour(row.id, longitude_deg))
    masses = spark.createDataFrame([(float(kg),) for kg in range(800, 3_000, 50)], "mass_kg double")
    for row in masses.select("mass_kg", vehicle_class()).collect():
        assert row.vehicle_class == class_of(row.mass_kg)


def names_and_types(view: DataFrame) -> dict[str, str]:
    return {name: {"bigint": "long"}.get(kind, kind) for name, kind in view.dtypes}
