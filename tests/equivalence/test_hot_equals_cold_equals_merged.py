"""The heart of the repository: both paths and their merge agree on late, repeated, shuffled and damaged data."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime

import pytest
from both_paths import HotPath, Trips, recomputed
from disturbed import Record, disturbed_stream, fleet
from driving import RULES
from lakes import lake_of
from pyspark.sql import DataFrame, SparkSession

from api.merge import Contribution, contribution, correction, merged_trip
from api.period import period_holding
from cold_path.source.registry import Registry, as_rows
from cold_path.views.driven_days import driven_days
from cold_path.views.fuel_efficiency import fuel_efficiency
from cold_path.views.trip_driving import trip_driving
from cold_path.views.trips import trips
from cold_path.views.vehicle_days import vehicle_days
from contracts.vehicle_state import TripTotals

FLEET = fleet(12)
SPLITS = [0.0, 0.3, 0.5, 0.9, 1.0]


def totals_of(view: DataFrame) -> Trips:
    return {
        (row.vehicle_id, row.trip_started_at_ms): TripTotals(
            row.trip_started_at_ms, row.distance_m, row.ended_at_ms, row.fuel_ml, row.idle_s
        )
        for row in view.collect()
    }


def split_anywhere(records: list[Record], share: float, seed: int) -> list[Record]:
    """Give what a batch run covered: of each partition a part of its own size."""
    rng = random.Random(seed)
    ends: dict[int, int] = defaultdict(int)
    for record in records:
        ends[record.partition] = record.offset + 1
    covered = {p: round(end * min(1.0, share * rng.uniform(0.5, 1.5))) for p, end in ends.items()}
    if share == 1.0:
        covered = ends
    return [record for record in records if record.offset < covered[record.partition]]


@pytest.mark.parametrize("seed", [11, 12])
def test_the_cold_path_equals_the_hot_path_equals_a_recomputation(spark: SparkSession, seed: int) -> None:
    records = disturbed_stream(seed)
    cold = totals_of(trips(lake_of(spark, records)))
    assert cold == HotPath(RULES, FLEET).read(records, flush_every=333).trips == recomputed(records)


@pytest.mark.parametrize("share", SPLITS)
def test_merged_equals_recomputed_wherever_the_batch_ends(spark: SparkSession, share: float) -> None:
    records = disturbed_stream(21)
    batch = totals_of(trips(lake_of(spark, split_anywhere(records, share, 21))))
    speed = HotPath(RULES, FLEET).read(records, flush_every=100).trips
    merged = {trip: merged_trip(batch.get(trip), speed.get(trip)) for trip in batch.keys() | speed.keys()}
    assert merged == recomputed(records)


def test_merged_equals_recomputed_when_the_batch_is_ahead_of_the_hot_path(spark: SparkSession) -> None:
    records = disturbed_stream(22)
    batch = totals_of(trips(lake_of(spark, records)))
    speed = HotPath(RULES, FLEET).read(split_anywhere(records, 0.4, 22), flush_every=100).trips
    merged = {trip: merged_trip(batch.get(trip), speed.get(trip)) for trip in batch.keys() | speed.keys()}
    assert merged == recomputed(records)


def test_a_merged_ranking_equals_the_ranking_of_a_recomputation(spark: SparkSession) -> None:
    records = disturbed_stream(23, trips=4, seconds=300)
    covered = split_anywhere(records, 0.6, 23)
    as_of_day = day_of(max(record.received_at_ms for record in covered))
    view = trips(lake_of(spark, covered))
    batch = totals_of(view)
    registry = as_rows(spark, Registry(len(FLEET), FLEET))
    driven = driven_days(trip_driving(lake_of(spark, covered), registry), registry)
    efficiency = fuel_efficiency(vehicle_days(view), driven, registry, as_of_day)
    period = period_holding("last_7_days", as_of_day)
    merged: dict[str, Contribution] = defaultdict(Contribution)
    for row in efficiency.where("scope = 'vehicle' and period_kind = 'last_7_days'").collect():
        merged[row.key] += Contribution(row.trips, row.distance_m, row.fuel_ml)
    for trip, totals in HotPath(RULES, FLEET).read(records, flush_every=100).trips.items():
        if trip[1] in period:
            merged[trip[0]] += correction(batch.get(trip), totals)
    expected: dict[str, Contribution] = defaultdict(Contribution)
    for (vehicle_id, _), totals in recomputed(records).items():
        expected[vehicle_id] += contribution(totals)
    assert {vin: total for vin, total in merged.items() if total.trips} == {
        vin: total for vin, total in expected.items() if total.trips
    }
    assert len(expected) == len(FLEET)


def day_of(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()
