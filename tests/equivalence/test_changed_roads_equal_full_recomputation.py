from __future__ import annotations

import random
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.dataset as pads
from disturbed import Record
from driven_roads import a_drive, heard
from lakes import lake_of
from pyspark.sql import SparkSession

from cold_path.source.registry import Registry
from cold_path.views.recomputation import Basis, Earlier, Recomputation
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import Vehicle
from contracts.views import VIEW_COLUMNS
from roads import default_network
from rules import default_rules_file

DAY_MS = 86_400_000
FIRST_MS = 1_795_046_400_000
OF_ROADS = ("traversals", "road_costs", "route_savings")
CARS = [f"1HGCM82633A{number:06}" for number in range(3)]
NETWORK = default_network()


def a_registry() -> Registry:
    physics = {"road_load_a_n": 120.0, "road_load_b_n_per_mps": 2.0, "road_load_c_n_per_mps2": 0.4}
    cars = {
        vin: Vehicle(
            vehicle_id=vin, make="Honda", model="Civic", year=2020, fleet="north", placard_kpa=230.0,
            displacement_l=2.0, mass_kg=1_300.0 + 400 * at, **physics,
        )
        for at, vin in enumerate(CARS)
    }  # fmt: skip
    return Registry(len(cars), cars)


def driven_records(trips: int) -> list[Record]:
    """Give readings each 5 s of trips on Denver's roads, one a day and car, in the order of time."""
    rng = random.Random(17)
    readings = heard(NETWORK, [a_drive(NETWORK, rng) for _ in range(trips)], every_s=5, noise_m=8, seed=2)
    offsets: dict[int, int] = {}
    records = []
    for i, trip in enumerate(readings.trip.tolist()):
        vin = CARS[trip % len(CARS)]
        began_ms = FIRST_MS + trip // len(CARS) * DAY_MS
        recorded_at_ms = began_ms + int(readings.recorded_at_ms[i] - readings.recorded_at_ms[0])
        partition = partition_of_key(vin.encode(), READING_PARTITIONS)
        offset = offsets[partition] = offsets.get(partition, -1) + 1
        reading = Reading(
            vehicle_id=vin,
            sequence=i,
            recorded_at_ms=recorded_at_ms,
            trip_started_at_ms=began_ms,
            trip_distance_m=int(readings.distance_m[i]),
            trip_fuel_ml=int(readings.fuel_ml[i]),
            trip_idle_s=int(readings.idle_s[i]),
            speed_kmh=float(readings.speed_kmh[i]),
            engine_rpm=1_500.0,
            latitude_deg=float(readings.latitude_deg[i]),
            longitude_deg=float(readings.longitude_deg[i]),
            heading_deg=float(readings.heading_deg[i]),
        )
        records.append(Record(partition, offset, recorded_at_ms + 500, encode(reading)))
    return records


def a_basis(spark: SparkSession, records: list[Record], *, with_roads: bool = True) -> Basis:
    text = default_rules_file().read_text(encoding="utf-8")
    day = day_of(max(record.received_at_ms for record in records))
    return Basis(lake_of(spark, records), a_registry(), text, day, NETWORK if with_roads else None)


def day_of(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def rows(folder: Path, view: str) -> list[str]:
    found = pads.dataset(folder / view, format="parquet").to_table(columns=list(VIEW_COLUMNS[view]))
    return sorted(map(str, found.to_pylist()))


def test_roads_learnt_from_changed_days_are_those_of_a_full_run(spark: SparkSession, tmp_path: Path) -> None:
    """The first version comes without roads, the second matches all days, the third only the last one."""
    records = driven_records(9)
    days = sorted({day_of(record.received_at_ms) for record in records})
    first, second = ([record for record in records if day_of(record.received_at_ms) <= day] for day in days[:2])
    Recomputation(spark, a_basis(spark, first, with_roads=False), tmp_path / "first").run()
    earlier = an_earlier(tmp_path / "first", first, days[1], road_graph_hash=None)
    Recomputation(spark, a_basis(spark, second), tmp_path / "second", earlier=earlier).run()
    earlier = an_earlier(tmp_path / "second", second, days[2], road_graph_hash=NETWORK.hash)
    counts = Recomputation(spark, a_basis(spark, records), tmp_path / "third", earlier=earlier).run()

    assert counts == Recomputation(spark, a_basis(spark, records), tmp_path / "full").run()
    assert not any((tmp_path / "first" / view).exists() for view in OF_ROADS)
    for view in OF_ROADS:
        assert rows(tmp_path / "third", view) == rows(tmp_path / "full", view)
        assert counts[view] > 0


def an_earlier(folder: Path, records: list[Record], later_day: date, *, road_graph_hash: str | None) -> Earlier:
    covered = {record.partition: record.offset + 1 for record in records}
    return Earlier(folder, covered, frozenset({later_day}), road_graph_hash)
