"""The batch views: their columns, and the folder in which a published version lies.

VIEWS/CURRENT                                  the number of the version being served, replaced atomically
VIEWS/versions/000012/manifest.json            a Manifest
VIEWS/versions/000012/trips/*.parquet          a view
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from contracts.codec import decode, encode
from contracts.errors import MalformedRecord
from contracts.files import replacing

ColumnType = Literal["string", "int", "long", "double", "date"]

VIEW_COLUMNS: dict[str, dict[str, ColumnType]] = {
    # One row a trip; totals are the maximum over the trip's readings. `partition` is that of vehicle-readings.
    "trips": {
        "vehicle_id": "string",
        "trip_started_at_ms": "long",
        "partition": "int",
        "ended_at_ms": "long",
        "distance_m": "long",
        "fuel_ml": "long",
        "idle_s": "long",
        "readings": "long",
    },
    # One row a vehicle and UTC day of the trips' start. fuel_ml and fuelled_distance_m are over ranked trips only.
    "vehicle_days": {
        "vehicle_id": "string",
        "day": "date",
        "trips": "long",
        "distance_m": "long",
        "idle_s": "long",
        "ranked_trips": "long",
        "fuelled_distance_m": "long",
        "fuel_ml": "long",
    },
    # One row a scope ("vehicle", "model", "fleet"), key and period. `ranked` from SHORTEST_RANKED_DISTANCE_M.
    # period: "2026-11-21", "2026-W47", "2026-11", or the first day of last_7_days and last_30_days.
    "fuel_efficiency": {
        "scope": "string",
        "key": "string",
        "period_kind": "string",
        "period": "string",
        "trips": "long",
        "distance_m": "long",
        "fuel_ml": "long",
        "litres_per_100km": "double",
        "mpg_us": "double",
        "co2_g_per_km": "double",
        # 100 = as physics predicts for this driving; null where the registry or the readings do not suffice.
        "efficiency_index": "double",
        # 100 = as much as driving smoothly over the same way in the same time would need; null as above.
        "driver_index": "double",
    },
    # One row a trip with at least two readings: what its driving asked for, between one reading and the next.
    # Predictions are null for a vehicle whose physics the registry does not know.
    "trip_driving": {
        "vehicle_id": "string",
        "trip_started_at_ms": "long",
        "driven_m": "long",
        "driven_s": "double",
        "burnt_ml": "long",
        "predicted_ml": "double",
        "smooth_ml": "double",
        "harsh_brakings": "long",
        "harsh_accelerations": "long",
        "speeding_m": "long",
    },
    # One row a vehicle and period, of all trips that began in it; rates are per 100 km, null without distance.
    "driving_style": {
        "vehicle_id": "string",
        "period_kind": "string",
        "period": "string",
        "trips": "long",
        "distance_m": "long",
        "idle_s": "long",
        "harsh_brakings": "long",
        "harsh_accelerations": "long",
        "speeding_m": "long",
        "idle_s_per_100km": "double",
        "harsh_brakings_per_100km": "double",
        "harsh_accelerations_per_100km": "double",
        "speeding_m_per_100km": "double",
    },
    # One row a change of an episode, as the rules of the manifest's hash raise it over the whole lake in offset order.
    "alert_history": {
        "alert_id": "string",
        "change": "int",
        "vehicle_id": "string",
        "rule": "string",
        "trouble_code": "string",
        "severity": "string",
        "state": "string",
        "clear_reason": "string",
        "raised_at_ms": "long",
        "changed_at_ms": "long",
        "partition": "int",
        "offset": "long",
        "received_at_ms": "long",
        "message": "string",
    },
    # One row a road segment that a trip drove, in the order of `place`; a new `chain` begins where the way is unknown.
    # Times and fuel are null where the segment was not driven, or not heard of, as a whole.
    "traversals": {
        "vehicle_id": "string",
        "trip_started_at_ms": "long",
        "chain": "int",
        "place": "int",
        "segment_id": "int",
        "entered_at_ms": "long",
        "left_at_ms": "long",
        "fuel_ml": "double",
        "idle_s": "double",
    },
    # One row a segment, vehicle class and time of day ("all", and those it was driven at): `contracts.road_costs`.
    # seconds and fuel_ml are the costs; observed means are null without a traversal, for the class's median vehicle.
    "road_costs": {
        "segment_id": "int",
        "vehicle_class": "string",
        "time_of_day": "string",
        "traversals": "long",
        "seconds": "double",
        "observed_seconds": "double",
        "model_seconds": "double",
        "fuel_ml": "double",
        "observed_fuel_ml": "double",
        "model_fuel_ml": "double",
    },
    # One row a leg of a matched trip, from one stop to the next, over segments driven whole. `driven_*` is what was
    # measured, `expected_*` the same way at road costs; `saved_*` = expected - frugal fuel, expected - fast time.
    "route_savings": {
        "vehicle_id": "string",
        "trip_started_at_ms": "long",
        "leg": "int",
        "vehicle_class": "string",
        "time_of_day": "string",
        "from_vertex_id": "long",
        "to_vertex_id": "long",
        "driven_m": "double",
        "driven_s": "double",
        "driven_fuel_ml": "double",
        "expected_s": "double",
        "expected_fuel_ml": "double",
        "frugal_m": "double",
        "frugal_s": "double",
        "frugal_fuel_ml": "double",
        "fast_m": "double",
        "fast_s": "double",
        "fast_fuel_ml": "double",
        "saved_fuel_ml": "double",
        "saved_s": "double",
    },
}

CURRENT_FILE = "CURRENT"
KEPT_VERSIONS = 5
PIN_FILE = ".pinned"
"""In a version's folder: it stays however old it is, and a rollback may go to it."""


class Manifest(msgspec.Struct, frozen=True):
    """Everything that a published version depends on, so that it can be computed again and merged exactly."""

    version: int
    computed_at_ms: int
    as_of_ms: int
    """The latest broker time of any record covered; its UTC day is `as_of_day`, the anchor of last_N_days."""
    as_of_day: str
    covered_offsets: dict[str, int]
    """Partition of vehicle-readings to the first offset that is not covered."""
    registry_offset: int
    """The first offset of topic `vehicles` that is not covered."""
    rules_hash: str
    road_graph_hash: str | None
    code_version: str
    lake_version: int
    row_counts: dict[str, int]
    fold_version: int = 1
    """Of the code that raised the alert history by these rules."""


def version_folder(views: Path, version: int) -> Path:
    """Give the folder of a version."""
    return views / "versions" / f"{version:06d}"


def current_version(views: Path) -> int | None:
    """Give the number of the version being served, None before the first publication. Raises MalformedRecord."""
    pointer = views / CURRENT_FILE
    try:
        text = pointer.read_text().strip()
    except FileNotFoundError:
        return None
    if not text.isdecimal():
        message = f"{pointer} holds {text[:40]!r} instead of a version's number; run `cold-path views rollback`"
        raise MalformedRecord(message)
    return int(text)


def point_to(views: Path, version: int) -> None:
    """Serve a version, in one step that survives a crash."""
    with replacing(views / CURRENT_FILE) as pointer:
        pointer.write(f"{version}\n".encode())


def read_manifest(views: Path, version: int) -> Manifest:
    """Read a version's manifest. Raises MalformedRecord, also when there is none."""
    file = version_folder(views, version) / "manifest.json"
    try:
        return decode(file.read_bytes(), Manifest)
    except FileNotFoundError as error:
        message = f"version {version} has no manifest at {file}: it was not published or has been collected"
        raise MalformedRecord(message) from error


def manifest_bytes(manifest: Manifest) -> bytes:
    """Encode a manifest for people too: indented."""
    return msgspec.json.format(encode(manifest), indent=2) + b"\n"
