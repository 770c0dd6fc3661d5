"""Records and versions as the other programs write them, for tests of the serving side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi.testclient import TestClient

from api.period import day_of, period_holding
from api.projector.inbox import Inbox
from api.projector.writing import write
from contracts.alert import Alert, AlertAction
from contracts.codec import encode
from contracts.definitions import PERIOD_KINDS, is_ranked_trip
from contracts.files import replacing
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.reason import Reason
from contracts.record import Record
from contracts.rejection import rejection, rejection_of_many, to_headers
from contracts.topics import (
    ALERT_ACTIONS,
    ENGINE_ALERTS,
    READING_PARTITIONS,
    REJECTED_READINGS,
    VEHICLE_ERASURES,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle import Erasure, Vehicle, model_name
from contracts.vehicle_state import Mark, TripTotals, VehicleState, mark_key
from contracts.views import VIEW_COLUMNS, Manifest, manifest_bytes, version_folder

DAY_MS = 86_400_000
NOW_MS = 1_795_248_000_000 + 10 * 3_600_000
"""2026-11-21 18:00 UTC."""
VIN = "1HGCM82633A004352"
OTHER_VIN = "WVWZZZ1JZXW000001"
_KINDS = {"string": pa.string(), "int": pa.int32(), "long": pa.int64(), "double": pa.float64(), "date": pa.date32()}


def partition_of(vin: str) -> int:
    return partition_of_key(vin.encode(), READING_PARTITIONS)


def a_vehicle(vin: str = VIN, **given: Any) -> Vehicle:
    fields: dict[str, Any] = {"make": "Honda", "model": "Accord", "year": 2020, "fleet": "north"}
    return Vehicle(vehicle_id=vin, **(fields | given))


def a_trip(distance_m: int, fuel_ml: int | None, *, started_at_ms: int = NOW_MS, idle_s: int | None = 0) -> TripTotals:
    return TripTotals(started_at_ms, distance_m, started_at_ms + 300_000, fuel_ml, idle_s)


def a_state(vin: str = VIN, *trips: TripTotals, offset: int = 10, **given: Any) -> VehicleState:
    trips = trips or (a_trip(0, 0),)
    last = trips[-1]
    newest = Reading(
        vehicle_id=vin,
        sequence=offset,
        recorded_at_ms=last.ended_at_ms,
        trip_started_at_ms=last.trip_started_at_ms,
        trip_distance_m=last.distance_m,
        speed_kmh=50.0,
        engine_rpm=2000.0,
        coolant_c=90.0,
    )
    fields: dict[str, Any] = {
        "offset": offset,
        "partition": partition_of(vin),
        "received_at_ms": NOW_MS,
        "newest": newest,
        "newest_received_at_ms": NOW_MS,
        "trips": list(trips),
    }
    return VehicleState(**(fields | given))


def a_mark(next_offset: int, partition: int, received_at_ms: int = NOW_MS) -> Mark:
    return Mark(partition=partition, next_offset=next_offset, received_at_ms=received_at_ms, rules_hash="r1")


def an_alert(alert_id: str = "a1", change: int = 1, **given: Any) -> Alert:
    fields: dict[str, Any] = {
        "alert_id": alert_id,
        "change": change,
        "vehicle_id": VIN,
        "rule": "coolant",
        "rules_hash": "r1",
        "severity": "warning",
        "state": "raised",
        "raised_at_ms": NOW_MS,
        "changed_at_ms": NOW_MS + change,
        "received_at_ms": NOW_MS,
        "partition": partition_of(given.get("vehicle_id", VIN)),
        "offset": 10,
        "message": "hot",
    }
    return Alert(**(fields | given))


class Topics:
    """Kafka's topics as lists: gives each record its partition and offset."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], int] = {}

    def _record(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, at_ms: int, headers: Any = ()
    ) -> Record:
        offset = self._ends.get((topic, partition), 0)
        self._ends[topic, partition] = offset + 1
        return Record(topic, partition, offset, at_ms, key, value, list(headers))

    def vehicle(self, vehicle: Vehicle) -> Record:
        return self._record(VEHICLES.name, 0, vehicle.vehicle_id.encode(), encode(vehicle), NOW_MS)

    def vehicle_gone(self, vin: str) -> Record:
        return self._record(VEHICLES.name, 0, vin.encode(), None, NOW_MS)

    def alert(self, alert: Alert, at_ms: int = NOW_MS + 20) -> Record:
        key = alert.vehicle_id.encode()
        return self._record(ENGINE_ALERTS.name, alert.partition, key, encode(alert), at_ms)

    def action(self, action: AlertAction, at_ms: int = NOW_MS + 50) -> Record:
        key = f"{action.alert_id}:{action.action_id}".encode()
        return self._record(ALERT_ACTIONS.name, 0, key, encode(action), at_ms)

    def state(self, state: VehicleState) -> Record:
        vin = state.newest.vehicle_id
        at_ms = max(NOW_MS, state.received_at_ms)
        return self._record(VEHICLE_STATES.name, state.partition, vin.encode(), encode(state), at_ms)

    def mark(self, mark: Mark) -> Record:
        at_ms = max(NOW_MS, mark.received_at_ms)
        return self._record(VEHICLE_STATES.name, mark.partition, mark_key(mark.partition), encode(mark), at_ms)

    def flush(self, state: VehicleState, next_offset: int | None = None) -> list[Record]:
        marked = a_mark(next_offset or state.offset + 1, state.partition, state.received_at_ms)
        return [self.state(state), self.mark(marked)]

    def erasure(self, vin: str, at_ms: int) -> Record:
        return self._record(VEHICLE_ERASURES.name, 0, vin.encode(), encode(Erasure(vin, "ann", at_ms)), at_ms)

    def rejected(self, vin: str, source_offset: int, at_ms: int = NOW_MS, reason: Reason = "not_json") -> Record:
        story = rejection(
            b"{",
            reason=reason,
            detail="cut short",
            topic=VEHICLE_READINGS.name,
            partition=partition_of(vin),
            offset=source_offset,
            received_at_ms=at_ms,
        )
        return self._record(REJECTED_READINGS.name, 0, vin.encode(), b"{", at_ms, to_headers(story))

    def rejected_together(self, first: int, last: int, records: int) -> Record:
        story = rejection_of_many(
            Counter({"not_json": records}),
            topic=VEHICLE_READINGS.name,
            partition=partition_of(VIN),
            offsets=(first, last),
            received_at_ms=NOW_MS,
        )
        return self._record(REJECTED_READINGS.name, 0, None, b"", NOW_MS, to_headers(story))


def project(engine: Any, *records: Record) -> None:
    """Write records to a store in one transaction, as the projector does."""
    with engine.begin() as connection:
        write(connection, Inbox().take(records, None))


def publish(
    views: Path,
    version: int,
    trips: dict[tuple[str, int], TripTotals],
    *,
    covered: dict[int, int],
    registry: dict[str, Vehicle] | None = None,
    as_of_ms: int = NOW_MS,
) -> Manifest:
    """Publish a version as the cold path does: views computed in plain Python from trips."""
    rows = _views(trips, registry or {}, as_of_ms)
    folder = version_folder(views, version)
    for view in rows:
        (folder / view).mkdir(parents=True, exist_ok=True)
        schema = pa.schema([(name, _KINDS[kind]) for name, kind in VIEW_COLUMNS[view].items()])
        pq.write_table(pa.Table.from_pylist(rows[view], schema), folder / view / "part-0.parquet")
    manifest = Manifest(
        version=version,
        computed_at_ms=as_of_ms + 1000,
        as_of_ms=as_of_ms,
        as_of_day=day_of(as_of_ms).isoformat(),
        covered_offsets={str(partition): offset for partition, offset in covered.items()},
        registry_offset=0,
        rules_hash="r1",
        road_graph_hash=None,
        code_version="test",
        lake_version=version,
        row_counts={view: len(of_view) for view, of_view in rows.items()},
    )
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    point(views, version)
    return manifest


def point(views: Path, version: int) -> None:
    """Let CURRENT name a version, atomically."""
    with replacing(views / "CURRENT") as pointer:
        pointer.write(str(version).encode())


def _views(
    trips: dict[tuple[str, int], TripTotals], registry: dict[str, Vehicle], as_of_ms: int
) -> dict[str, list[dict[str, Any]]]:
    as_of_day = day_of(as_of_ms)
    efficiency: dict[tuple[str, str, str, str], list[int]] = {}
    days: dict[tuple[str, Any], dict[str, Any]] = {}
    for (vin, started_at_ms), trip in trips.items():
        day = day_of(started_at_ms)
        row = days.setdefault((vin, day), {"vehicle_id": vin, "day": day} | dict.fromkeys(_day_sums(), 0))
        ranked = trip.fuel_ml is not None and is_ranked_trip(trip.distance_m, trip.fuel_ml)
        added = (1, trip.distance_m, trip.idle_s or 0, ranked, ranked * trip.distance_m, ranked * (trip.fuel_ml or 0))
        for name, value in zip(_day_sums(), added, strict=True):
            row[name] += value
        if not ranked:
            continue
        keys = [("vehicle", vin)]
        if vehicle := registry.get(vin):
            keys += [("model", model_name(vehicle)), ("fleet", vehicle.fleet)]
        for scope, key in keys:
            for kind in PERIOD_KINDS:
                period = period_holding(kind, as_of_day if kind.startswith("last") else day)
                if started_at_ms in period:
                    sums = efficiency.setdefault((scope, key, kind, period.name), [0, 0, 0])
                    for at, value in enumerate((1, trip.distance_m, trip.fuel_ml or 0)):
                        sums[at] += value
    return {
        "trips": [
            {
                "vehicle_id": vin,
                "trip_started_at_ms": started_at_ms,
                "partition": partition_of(vin),
                "ended_at_ms": trip.ended_at_ms,
                "distance_m": trip.distance_m,
                "fuel_ml": trip.fuel_ml,
                "idle_s": trip.idle_s,
                "readings": 1,
            }
            for (vin, started_at_ms), trip in trips.items()
        ],
        "vehicle_days": list(days.values()),
        "fuel_efficiency": [
            {"scope": scope, "key": key, "period_kind": kind, "period": period}
            | {"trips": sums[0], "distance_m": sums[1], "fuel_ml": sums[2]}
            for (scope, key, kind, period), sums in efficiency.items()
        ],
    }


def _day_sums() -> tuple[str, ...]:
    return ("trips", "distance_m", "idle_s", "ranked_trips", "fuelled_distance_m", "fuel_ml")


def got(client: TestClient, path: str, **parameters: Any) -> Any:
    """Return what a question is answered with, when it is answered."""
    response = client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()
