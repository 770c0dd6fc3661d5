"""One transaction of the projector: rows, marks and Kafka positions together, so that a crash repeats nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, delete, or_

from api.projector.erasure import erase, erased_among, without_erased
from api.projector.folding import fold_alerts
from api.store import tables
from api.store.dialect import greater, insert_new, keys_at_once, upsert
from contracts.codec import encode
from contracts.vehicle import model_name
from observability.metrics import PROJECTED_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

    from api.episode import Action
    from api.projector.flush import Flush
    from api.projector.work import Rejected, Told, Work
    from api.store.tables import Rows
    from contracts.vehicle import Vehicle
    from contracts.vehicle_state import VehicleState

COUNTED_MS: Final = 10 * 60 * 1000
"""Readings are counted over this time at least, and over twice as much at most."""


def write(connection: Connection, work: Work) -> bool:
    """Write everything of `work`, and return whether that was all: if not, write it again in another transaction.

    Only erasures may take several. Repeating it changes nothing; older records never overwrite newer ones.
    """
    work = without_erased(work, erased_among(connection, work.vehicle_ids()) | work.erasures)
    _write_registry(connection, work.vehicles)
    insert_new(connection, tables.rejected, [_rejected(rejected) for rejected in work.rejected])
    _write_alerts(connection, work.changes, work.actions)
    for flush in work.flushes:
        _write_flush(connection, flush)
    if work.erasures and not erase(connection, work.erasures):
        return False
    upsert(connection, tables.consumed, [_position(*key, offset) for key, offset in work.positions.items()])
    _count(work)
    return True


def _position(topic: str, partition: int, next_offset: int) -> dict[str, Any]:
    return {"topic": topic, "partition": partition, "next_offset": next_offset}


def _write_registry(connection: Connection, vehicles: Mapping[str, Vehicle | None]) -> None:
    upsert(connection, tables.vehicles, [_vehicle(vehicle) for vehicle in vehicles.values() if vehicle is not None])
    for vehicle_ids in keys_at_once(vehicle_id for vehicle_id, vehicle in vehicles.items() if vehicle is None):
        connection.execute(delete(tables.vehicles).where(tables.vehicles.c.vehicle_id.in_(vehicle_ids)))


def _vehicle(vehicle: Vehicle) -> dict[str, Any]:
    same = ("vehicle_id", "make", "model", "year", "fleet")
    row = {name: getattr(vehicle, name) for name in same}
    return row | {"model_name": model_name(vehicle), "entry": encode(vehicle).decode()}


def _rejected(rejected: Rejected) -> dict[str, Any]:
    story = rejected.rejection
    same = (
        "source_topic",
        "source_partition",
        "source_offset",
        "reason",
        "detail",
        "received_at_ms",
        "length",
        "sha256",
    )
    row = {name: getattr(story, name) for name in same}
    return row | {
        "partition": rejected.partition,
        "record_offset": rejected.record_offset,
        "vehicle_id": rejected.vehicle_id,
        "records": story.number,
    }


def _write_alerts(connection: Connection, changes: Sequence[Told], actions: Sequence[Action]) -> None:
    """Keep the events, then fold every alert they touch anew from its events, whatever their order."""
    insert_new(connection, tables.alert_changes, [_change(change) for change in changes])
    # The last record of a key counts, as in the topic after compaction.
    kept = tables.alert_actions
    rows = {(action.action.alert_id, action.action.action_id): _action(action) for action in actions}
    upsert(connection, kept, [*rows.values()], where=lambda new: new.available_at_ms >= kept.c.available_at_ms)
    touched = {told.change.alert.alert_id for told in changes} | {action.action.alert_id for action in actions}
    fold_alerts(connection, touched)


def _change(told: Told) -> dict[str, Any]:
    alert, available_at_ms = told.change
    return {
        "alert_id": alert.alert_id,
        "change": alert.change,
        "available_at_ms": available_at_ms,
        "event": encode(alert).decode(),
        "partition": told.partition,
        "record_offset": told.record_offset,
    }


def _action(action: Action) -> dict[str, Any]:
    done, available_at_ms = action
    event = encode(done).decode()
    return {"alert_id": done.alert_id, "action_id": done.action_id, "available_at_ms": available_at_ms, "event": event}


def _write_flush(connection: Connection, flush: Flush) -> None:
    trips, latest, marks = tables.speed_trips, tables.vehicle_latest, tables.marks
    upsert(connection, trips, _trips(flush), update=lambda new: _trip_maxima(trips, new))
    rows = [_latest(vehicle_id, state) for vehicle_id, state in flush.states.items()]
    upsert(
        connection,
        latest,
        rows,
        update=lambda new: _newest(latest, new),
        where=lambda new: new.source_offset >= latest.c.source_offset,
    )
    if flush.mark is not None:
        mark = {column.name: getattr(flush.mark, column.name) for column in marks.c}
        upsert(connection, marks, [mark], where=lambda new: new.next_offset >= marks.c.next_offset)


def _newest(latest: Table, new: Any) -> dict[str, Any]:
    """Give the newest of everything; what it was COUNTED_MS ago, and as long before, moves up."""
    changed = {column.name: new[column.name] for column in latest.c if not column.primary_key}
    is_due = or_(latest.c.middle_at_ms.is_(None), new.newest_received_at_ms - latest.c.middle_at_ms >= COUNTED_MS)
    for counted in ("sequence", "at_ms"):
        earlier, middle = f"earlier_{counted}", f"middle_{counted}"
        changed[earlier] = case((is_due, latest.c[middle]), else_=latest.c[earlier])
        changed[middle] = case((is_due, new[middle]), else_=latest.c[middle])
    return changed


def _trip_maxima(trips: Table, new: Any) -> dict[str, Any]:
    counters = ("distance_m", "fuel_ml", "idle_s", "ended_at_ms", "source_offset")
    return {name: greater(trips.c[name], new[name]) for name in counters}


def _trips(flush: Flush) -> Rows:
    return [
        {
            "vehicle_id": vehicle_id,
            "trip_started_at_ms": started_at_ms,
            "partition": flush.partition,
            "distance_m": totals.distance_m,
            "fuel_ml": totals.fuel_ml,
            "idle_s": totals.idle_s,
            "ended_at_ms": totals.ended_at_ms,
            "source_offset": source_offset,
        }
        for (vehicle_id, started_at_ms), (totals, source_offset) in flush.trips.items()
    ]


def _latest(vehicle_id: str, state: VehicleState) -> dict[str, Any]:
    return {
        "vehicle_id": vehicle_id,
        "partition": state.partition,
        "source_offset": state.offset,
        "received_at_ms": state.received_at_ms,
        "recorded_at_ms": state.newest.recorded_at_ms,
        "newest_received_at_ms": state.newest_received_at_ms,
        "trip_started_at_ms": state.newest.trip_started_at_ms,
        "is_silent": state.silent is not None and state.silent.phase == "open",
        "reading": encode(state.newest).decode(),
        "averages": encode(state.averages).decode() if state.averages else None,
        "latitude_deg": state.newest.latitude_deg,
        "longitude_deg": state.newest.longitude_deg,
        "sequence": state.newest.sequence,
        "earlier_sequence": None,
        "earlier_at_ms": None,
        "middle_sequence": state.newest.sequence,
        "middle_at_ms": state.newest_received_at_ms,
    }


def _count(work: Work) -> None:
    PROJECTED_ROWS.labels("alert_change").inc(len(work.changes))
    PROJECTED_ROWS.labels("alert_action").inc(len(work.actions))
    PROJECTED_ROWS.labels("vehicle").inc(len(work.vehicles))
    PROJECTED_ROWS.labels("rejected").inc(len(work.rejected))
    PROJECTED_ROWS.labels("vehicle_state").inc(sum(len(flush.states) for flush in work.flushes))
    PROJECTED_ROWS.labels("trip").inc(sum(len(flush.trips) for flush in work.flushes))
