"""A vehicle erased: what the store holds of it goes, and what is older than the erasure does not come back.

The topics are read side by side and anew after a loss, so an erasure may be read before what it erases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, select

from api.period import day_of
from api.store import tables
from api.store.dialect import greater, upsert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from api.projector.flush import Flush
    from api.projector.inbox import Work

Erasures = dict[str, int]
"""By VIN the broker's time of its erasure."""


def remembered(connection: Connection) -> Erasures:
    """Give every erasure that the store knows of."""
    erased = tables.erased
    return {row.vehicle_id: row.erased_at_ms for row in connection.execute(select(erased))}


def erase(connection: Connection, erasures: Mapping[str, int]) -> None:
    """Remember these erasures, and delete what they erase."""
    erased = tables.erased
    rows = [{"vehicle_id": vehicle_id, "erased_at_ms": at_ms} for vehicle_id, at_ms in erasures.items()]
    upsert(
        connection, erased, rows, update=lambda new: {"erased_at_ms": greater(erased.c.erased_at_ms, new.erased_at_ms)}
    )
    for vehicle_id, at_ms in erasures.items():
        _delete(connection, vehicle_id, at_ms)
        erase_from_batch(connection, vehicle_id, at_ms)


def _delete(connection: Connection, vehicle_id: str, at_ms: int) -> None:
    alerts, rejected, latest = tables.alerts, tables.rejected, tables.vehicle_latest
    old = select(alerts.c.alert_id).where(alerts.c.vehicle_id == vehicle_id, alerts.c.available_at_ms <= at_ms)
    for table in (tables.alert_changes, tables.alert_actions):
        connection.execute(delete(table).where(table.c.alert_id.in_(old)))
    connection.execute(delete(alerts).where(alerts.c.vehicle_id == vehicle_id, alerts.c.available_at_ms <= at_ms))
    connection.execute(delete(tables.vehicles).where(tables.vehicles.c.vehicle_id == vehicle_id))
    connection.execute(delete(rejected).where(rejected.c.vehicle_id == vehicle_id, rejected.c.received_at_ms <= at_ms))
    connection.execute(delete(latest).where(latest.c.vehicle_id == vehicle_id, latest.c.received_at_ms <= at_ms))
    trips = tables.speed_trips
    connection.execute(delete(trips).where(trips.c.vehicle_id == vehicle_id, trips.c.trip_started_at_ms <= at_ms))


def erase_from_batch(connection: Connection, vehicle_id: str, at_ms: int) -> None:
    """Delete a vehicle's rows in every version that is loaded; those of models and fleets are sums of many.

    A version without its old trips was computed after the lake had been erased too, so its sums are of later ones.
    """
    trips, days, fuel = tables.batch_trips, tables.batch_vehicle_days, tables.batch_fuel_efficiency
    old = and_(trips.c.vehicle_id == vehicle_id, trips.c.trip_started_at_ms <= at_ms)
    for version in list(connection.scalars(select(trips.c.version).where(old).distinct())):
        connection.execute(delete(trips).where(trips.c.version == version, old))
        connection.execute(
            delete(days).where(days.c.version == version, days.c.vehicle_id == vehicle_id, days.c.day <= day_of(at_ms))
        )
        connection.execute(
            delete(fuel).where(fuel.c.version == version, fuel.c.scope == "vehicle", fuel.c.key == vehicle_id)
        )
        ways = tables.batch_route_savings.c
        is_old = (ways.vehicle_id == vehicle_id) & (ways.trip_started_at_ms <= at_ms)
        connection.execute(delete(tables.batch_route_savings).where(ways.version == version, is_old))


def without_erased(work: Work, erasures: Mapping[str, int]) -> Work:
    """Give the work without what is older than its vehicle's erasure."""
    if not erasures:
        return work

    def is_kept(vehicle_id: str | None, at_ms: int) -> bool:
        return at_ms > erasures.get(vehicle_id or "", -1)

    work.changes = [told for told in work.changes if is_kept(told.change.alert.vehicle_id, told.change.available_at_ms)]
    work.rejected = [one for one in work.rejected if is_kept(one.vehicle_id, one.rejection.received_at_ms)]
    work.flushes = [_flush_without(flush, erasures) for flush in work.flushes]
    return work


def _flush_without(flush: Flush, erasures: Mapping[str, int]) -> Flush:
    states = {
        vehicle_id: state
        for vehicle_id, state in flush.states.items()
        if state.received_at_ms > erasures.get(vehicle_id, -1)
    }
    trips = {key: trip for key, trip in flush.trips.items() if key[1] > erasures.get(key[0], -1)}
    return flush._replace(states=states, trips=trips)


def is_known(connection: Connection, vehicle_id: str) -> bool:
    """Tell whether the store still holds anything of a vehicle."""
    holders = (tables.vehicles, tables.vehicle_latest, tables.alerts, tables.speed_trips, tables.batch_trips)
    return any(
        connection.scalar(select(table.c.vehicle_id).where(table.c.vehicle_id == vehicle_id).limit(1)) is not None
        for table in holders
    )


def action_keys(connection: Connection, vehicle_id: str) -> list[bytes]:
    """Give the keys in alert-actions of what people did about a vehicle's alerts."""
    actions, alerts = tables.alert_actions, tables.alerts
    query = select(actions.c.alert_id, actions.c.action_id).join(alerts, alerts.c.alert_id == actions.c.alert_id)
    rows = connection.execute(query.where(alerts.c.vehicle_id == vehicle_id))
    return [f"{alert_id}:{action_id}".encode() for alert_id, action_id in rows]
