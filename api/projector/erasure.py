"""A vehicle erased: what the store holds of it goes, and what is older than the erasure does not come back.

The topics are read side by side and anew after a loss, so an erasure may be read before what it erases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, select

from api.merge import NOTHING, Contribution, contribution
from api.period import day_of, period_holding
from api.store import tables
from api.store.dialect import greater, insert_many, upsert
from contracts.codec import decode
from contracts.definitions import LAST_DAYS, PERIOD_KINDS
from contracts.vehicle_state import TripTotals
from contracts.views import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy import Connection

    from api.projector.flush import Flush
    from api.projector.inbox import Work

_SUMS = ("trips", "distance_m", "fuel_ml")
_DAY_SUMS = ("trips", "distance_m", "idle_s", "ranked_trips", "fuelled_distance_m", "fuel_ml")
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
    # The registry's own topic has a tombstone for it, and what it says after that is of a car that came back.
    alerts, rejected, latest = tables.alerts, tables.rejected, tables.vehicle_latest
    old = select(alerts.c.alert_id).where(alerts.c.vehicle_id == vehicle_id, alerts.c.available_at_ms <= at_ms)
    for table in (tables.alert_changes, tables.alert_actions):
        connection.execute(delete(table).where(table.c.alert_id.in_(old)))
    connection.execute(delete(alerts).where(alerts.c.vehicle_id == vehicle_id, alerts.c.available_at_ms <= at_ms))
    connection.execute(delete(rejected).where(rejected.c.vehicle_id == vehicle_id, rejected.c.received_at_ms <= at_ms))
    connection.execute(delete(latest).where(latest.c.vehicle_id == vehicle_id, latest.c.received_at_ms <= at_ms))
    trips = tables.speed_trips
    connection.execute(delete(trips).where(trips.c.vehicle_id == vehicle_id, trips.c.trip_started_at_ms <= at_ms))


def erase_from_batch(connection: Connection, vehicle_id: str, at_ms: int, loaded: Manifest | None = None) -> None:
    """Delete a vehicle's old trips in every version that is loaded, and what was summed up from them.

    Its sums are made anew from trips that began later, without the indexes, which need readings. Those of models and
    fleets are sums of many and stay. A version without old trips was computed after the lake had been erased too.
    `loaded` is of a version whose rows are there and which is not served yet.
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
        manifest = loaded if loaded and loaded.version == version else _manifest(connection, version)
        if manifest is not None:
            _sum_up(connection, vehicle_id, manifest, from_day=day_of(at_ms))
        ways = tables.batch_route_savings.c
        is_old = (ways.vehicle_id == vehicle_id) & (ways.trip_started_at_ms <= at_ms)
        connection.execute(delete(tables.batch_route_savings).where(ways.version == version, is_old))


def _manifest(connection: Connection, version: int) -> Manifest | None:
    text = connection.scalar(select(tables.versions.c.manifest).where(tables.versions.c.version == version))
    return decode(text.encode(), Manifest) if text else None


def _sum_up(connection: Connection, vehicle_id: str, manifest: Manifest, *, from_day: date) -> None:
    """Sum up the trips that a vehicle has left in a version; later days than `from_day` are there still."""
    trips, version, as_of_day = tables.batch_trips, manifest.version, day_of(manifest.as_of_ms)
    left = select(trips).where(trips.c.version == version, trips.c.vehicle_id == vehicle_id)
    days: dict[date, list[int]] = {}
    sums: dict[tuple[str, str], Contribution] = {}
    for trip in connection.execute(left):
        day = day_of(trip.trip_started_at_ms)
        adds = contribution(TripTotals(trip.trip_started_at_ms, trip.distance_m, trip.ended_at_ms, trip.fuel_ml, None))
        if day == from_day:
            of_day = days.setdefault(day, [0] * len(_DAY_SUMS))
            for at, value in enumerate((1, trip.distance_m, trip.idle_s or 0, *adds.counts)):
                of_day[at] += value
        for kind in PERIOD_KINDS if adds.trips else ():
            period = period_holding(kind, as_of_day if kind in LAST_DAYS else day)
            if trip.trip_started_at_ms in period:
                sums[kind, period.name] = sums.get((kind, period.name), NOTHING) + adds
    of_vehicle = {"version": version, "vehicle_id": vehicle_id}
    rows = [of_vehicle | {"day": day} | dict(zip(_DAY_SUMS, of, strict=True)) for day, of in days.items()]
    insert_many(connection, tables.batch_vehicle_days, rows)
    of_key = {"version": version, "scope": "vehicle", "key": vehicle_id}
    rows = [
        of_key | {"period_kind": kind, "period": name} | dict(zip(_SUMS, of.counts, strict=True))
        for (kind, name), of in sums.items()
    ]
    insert_many(connection, tables.batch_fuel_efficiency, rows)


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
