"""A full store: vehicles, a published version with days of trips, alerts; written by the projector's own functions."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from api.period import day_of, period_holding, start_of
from api.projector.inbox import Inbox
from api.projector.writing import write
from api.store import tables
from api.store.database import open_for_writing
from api.store.dialect import insert_many
from contracts.alert import SEVERITIES, Alert
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.record import Record
from contracts.topics import ENGINE_ALERTS, READING_PARTITIONS, VEHICLE_STATES, VEHICLES
from contracts.vehicle import Vehicle
from contracts.vehicle_state import Mark, TripTotals, VehicleState, mark_key
from contracts.views import Manifest

_AT_ONCE = 20_000
FLEETS, _MODELS = 50, 40
_OPEN_SHARE = 0.01
_COVERED = 1_000_000
_BEYOND = 10**12
"""Offsets that no alert of this run has, so that those that are there are not taken for new ones."""


class Size(NamedTuple):
    """How full a store is."""

    vehicles: int
    days: int
    alerts: int


def vin_of(number: int) -> str:
    return f"1HGCM82633A{number:06d}"


def filled(url: str, size: Size, keep: Path | None, folder: Path) -> float:
    """Fill the store, or take a file from `keep`, where a filled one is left too. Give the seconds it took."""
    kept = keep / f"{size.vehicles}-{size.alerts}.db" if keep and url.startswith("sqlite") else None
    began = time.monotonic()
    if kept is not None and kept.exists():
        shutil.copy(kept, folder / "serving.db")
        open_for_writing(url).dispose()  # which migrates one that was kept by an older program
    else:
        fill(url, size, today_ms())
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "serving.db", kept)
    return time.monotonic() - began


def fill(url: str, size: Size, now_ms: int) -> None:
    """Fill an empty store."""
    engine = open_for_writing(url)
    _write(engine, _registry(size), 5_000)
    _version(engine, size, now_ms)
    _write(engine, states(range(size.vehicles), _COVERED, now_ms), 5_000)
    _write(engine, _alerts(size, now_ms), 5_000)
    with engine.begin() as connection:
        # Nothing of this came from Kafka: whoever reads it begins at its beginning.
        connection.execute(tables.consumed.delete())
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA optimize=0x10002")
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _write(engine: Engine, records: Iterator[Record], at_once: int) -> None:
    inbox = Inbox()
    while chunk := list(islice(records, at_once)):
        with engine.begin() as connection:
            write(connection, inbox.take(chunk, None))


def _registry(size: Size) -> Iterator[Record]:
    for n in range(size.vehicles):
        vin = vin_of(n)
        vehicle = Vehicle(vin, "Make", f"Model {n % _MODELS}", 2020, f"fleet-{n % FLEETS}")
        yield Record(VEHICLES.name, 0, n, 0, vin.encode(), encode(vehicle), [])


def states(numbers: Any, offset: int, now_ms: int) -> Iterator[Record]:
    """Give a flush: a state of each vehicle with one live trip, and the marks."""
    for n in numbers:
        vin = vin_of(n)
        partition = partition_of_key(vin.encode(), READING_PARTITIONS)
        started_ms = now_ms - 600_000 - n % 300_000
        totals = TripTotals(started_ms, 5_000 + n % 9_000, now_ms, 300 + n % 700, n % 60)
        newest = Reading(
            vehicle_id=vin, sequence=offset % 2**31, recorded_at_ms=now_ms, trip_started_at_ms=started_ms,
            trip_distance_m=totals.distance_m, speed_kmh=50.0, engine_rpm=2_000.0, trip_fuel_ml=totals.fuel_ml,
            latitude_deg=39.6 + n % 997 / 2_000, longitude_deg=-105.2 + n % 1_009 / 2_000, coolant_c=90.0,
        )  # fmt: skip
        state = VehicleState(offset, partition, now_ms, newest, now_ms, [totals])
        yield Record(VEHICLE_STATES.name, partition, offset, now_ms, vin.encode(), encode(state), [])
    for partition in range(READING_PARTITIONS):
        mark = Mark(partition, offset + 1, now_ms, "r")
        yield Record(VEHICLE_STATES.name, partition, offset + 1, now_ms, mark_key(partition), encode(mark), [])


def an_alert(name: str, n: int, now_ms: int, *, state: str = "raised", severity: str = "warning") -> Alert:
    vin = vin_of(n)
    return Alert(
        name, 1, vin, f"rule_{n % 33}", "r", severity, state, now_ms, now_ms, now_ms,  # type: ignore[arg-type]
        partition_of_key(vin.encode(), READING_PARTITIONS), n, "too hot", evidence={"coolant_c": 115.0},
    )  # fmt: skip


def _alerts(size: Size, now_ms: int) -> Iterator[Record]:
    chance = random.Random(1)
    ends = [_BEYOND] * READING_PARTITIONS
    for n in range(size.alerts):
        state = "raised" if chance.random() < _OPEN_SHARE else "cleared"
        at_ms = now_ms - (size.alerts - n) * size.days * 86_400_000 // size.alerts
        alert = an_alert(f"filled-{n:07d}", n % size.vehicles, at_ms, state=state, severity=SEVERITIES[n % 3])
        yield Record(
            ENGINE_ALERTS.name,
            alert.partition,
            ends[alert.partition],
            at_ms,
            alert.vehicle_id.encode(),
            encode(alert),
            [],
        )
        ends[alert.partition] += 1


def _version(engine: Engine, size: Size, now_ms: int) -> None:
    """Load version 1 as the projector would from files: trips, vehicle days, fuel efficiency."""
    today = day_of(now_ms)
    days = [today - timedelta(days=n) for n in range(size.days)]
    _load(engine, tables.batch_trips, _trips(size, [start_of(day) for day in days]))
    _load(engine, tables.batch_vehicle_days, _vehicle_days(size, days))
    _load(engine, tables.batch_fuel_efficiency, _efficiency(size, days))
    manifest = Manifest(
        version=1, computed_at_ms=now_ms, as_of_ms=now_ms, as_of_day=today.isoformat(),
        covered_offsets={str(n): _COVERED for n in range(READING_PARTITIONS)}, registry_offset=0, rules_hash="r",
        road_graph_hash=None, code_version="benchmark", lake_version=1, row_counts={},
    )  # fmt: skip
    with engine.begin() as connection:
        insert_many(
            connection, tables.versions, [{"version": 1, "manifest": encode(manifest).decode(), "loaded_at_ms": 1}]
        )
        covered = [{"version": 1, "partition": n, "next_offset": _COVERED} for n in range(READING_PARTITIONS)]
        insert_many(connection, tables.version_offsets, covered)
        insert_many(connection, tables.serving_version, [{"id": 1, "version": 1}])


def _load(engine: Engine, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    while chunk := list(islice(rows, _AT_ONCE)):
        with engine.begin() as connection:
            insert_many(connection, table, chunk)


def _trips(size: Size, starts: list[int]) -> Iterator[dict[str, Any]]:
    for n in range(size.vehicles):
        vin = vin_of(n)
        partition = partition_of_key(vin.encode(), READING_PARTITIONS)
        for at_ms in reversed(starts):
            yield {
                "version": 1, "vehicle_id": vin, "trip_started_at_ms": at_ms + 8 * 3_600_000, "partition": partition,
                "ended_at_ms": at_ms + 9 * 3_600_000, "distance_m": 20_000, "fuel_ml": 900 + n % 900, "idle_s": 60,
                "readings": 3_600,
            }  # fmt: skip


def _vehicle_days(size: Size, days: list[Any]) -> Iterator[dict[str, Any]]:
    for n in range(size.vehicles):
        for day in reversed(days):
            yield {
                "version": 1, "vehicle_id": vin_of(n), "day": day, "trips": 1, "distance_m": 20_000, "idle_s": 60,
                "ranked_trips": 1, "fuelled_distance_m": 20_000, "fuel_ml": 900 + n % 900,
            }  # fmt: skip


def _efficiency(size: Size, days: list[Any]) -> Iterator[dict[str, Any]]:
    kinds = [("day", day) for day in days] + [
        (kind, days[0]) for kind in ("week", "month", "last_7_days", "last_30_days")
    ]
    for kind, day in kinds:
        period = period_holding(kind, day).name  # type: ignore[arg-type]
        for n in range(size.vehicles):
            trips = {"day": 1, "week": 6, "month": 21, "last_7_days": 7, "last_30_days": 30}[kind]
            yield {
                "version": 1, "scope": "vehicle", "key": vin_of(n), "period_kind": kind, "period": period,
                "trips": trips, "distance_m": 20_000 * trips, "fuel_ml": (900 + n % 900) * trips,
                "litres_per_100km": None, "mpg_us": None, "co2_g_per_km": None, "efficiency_index": 80.0 + n % 40,
                "driver_index": 100.0 + n % 20,
            }  # fmt: skip


def today_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)  # noqa: TID251 - the store is as of now
