"""A vehicle erased: what the store holds of it goes, and what is older than the erasure does not come back.

The topics are read side by side and anew after a loss, so an erasure may be read before what it erases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, exists, select

from api.merge import NOTHING, Contribution, contribution
from api.period import day_of, period_holding
from api.projector.folding import fold_alerts
from api.store import tables
from api.store.dialect import delete_rows, delete_some, greater, insert_many, keys_at_once, upsert
from contracts.codec import decode
from contracts.definitions import LAST_DAYS, PERIOD_KINDS
from contracts.vehicle_state import TripTotals
from contracts.views import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Connection, Row, Table

    from api.projector.flush import Flush
    from api.projector.work import Work
    from contracts.definitions import PeriodKind

_SUMS = ("trips", "distance_m", "fuel_ml")
_DAY_SUMS = ("trips", "distance_m", "idle_s", "ranked_trips", "fuelled_distance_m", "fuel_ml")
_MOST_AT_ONCE: Final = 50
"""Vehicles that are erased from a version in one transaction, so that alerts are written in between."""
_MOST_ALERTS: Final = 100
_MOST_ROWS: Final = 2_000
"""Alerts, and rows of a table, that are erased in one transaction."""
Erasures = dict[str, int]
"""By VIN the broker's time of its erasure."""


def erased_among(connection: Connection, vehicle_ids: Iterable[str]) -> Erasures:
    """Return the erasures of these vehicles that the store knows of."""
    erased = tables.erased
    rows = (
        row
        for some in keys_at_once(vehicle_ids)
        for row in connection.execute(select(erased).where(erased.c.vehicle_id.in_(some)))
    )
    return {row.vehicle_id: row.erased_at_ms for row in rows}


def erase(connection: Connection, erasures: Mapping[str, int]) -> bool:
    """Remember these erasures, and delete what they erase; return whether that was all.

    Where it was not, as it would take long, erase them again in another transaction.
    """
    erased = tables.erased
    rows = [{"vehicle_id": vehicle_id, "erased_at_ms": at_ms} for vehicle_id, at_ms in erasures.items()]
    upsert(
        connection, erased, rows, update=lambda new: {"erased_at_ms": greater(erased.c.erased_at_ms, new.erased_at_ms)}
    )
    return all(_erase(connection, vehicle_ids) for vehicle_ids in keys_at_once(erasures))


def _erase(connection: Connection, vehicle_ids: Sequence[str]) -> bool:
    if not _delete(connection, vehicle_ids):
        return False
    for text in connection.scalars(select(tables.versions.c.manifest)).all():
        manifest = decode(text.encode(), Manifest)
        erase_from_version(connection, manifest, tables.erased.c.vehicle_id.in_(vehicle_ids))
    return True


def _delete(connection: Connection, vehicle_ids: Sequence[str]) -> bool:
    """Delete rows until there are many, or none are left; return whether none are."""
    # The registry's own topic has a tombstone for it, and what it says after that is of a car that came back.
    alerts, rejected, latest, trips = tables.alerts, tables.rejected, tables.vehicle_latest, tables.speed_trips
    old = connection.scalars(select(alerts.c.alert_id).where(_older(alerts, vehicle_ids)).limit(_MOST_ALERTS)).all()
    _delete_alerts(connection, old)
    if len(old) == _MOST_ALERTS:
        return False
    dated = ((rejected, "received_at_ms"), (latest, "received_at_ms"), (trips, "trip_started_at_ms"))
    return all(
        delete_some(connection, table, _older(table, vehicle_ids, at_ms), most=_MOST_ROWS) < _MOST_ROWS
        for table, at_ms in dated
    )


def _older(table: Table, vehicle_ids: Sequence[str], at_ms: str = "available_at_ms") -> ColumnElement[bool]:
    """Return what rows of these vehicles have in common that are older than their vehicle's erasure."""
    erased = tables.erased.c
    erased_at_ms = select(erased.erased_at_ms).where(erased.vehicle_id == table.c.vehicle_id).correlate(table)
    return and_(table.c.vehicle_id.in_(vehicle_ids), table.c[at_ms] <= erased_at_ms.scalar_subquery())


def _delete_alerts(connection: Connection, alert_ids: Iterable[str]) -> None:
    """Delete what is older than its vehicle's erasure of alerts that began before it; what is left is folded anew."""
    alerts, changes, actions, erased = tables.alerts.c, tables.alert_changes, tables.alert_actions, tables.erased.c
    erased_at_ms = (
        select(erased.erased_at_ms)
        .join(tables.alerts, alerts.vehicle_id == erased.vehicle_id)
        .where(alerts.alert_id == changes.c.alert_id)
        .correlate(changes)
        .scalar_subquery()
    )
    for some in keys_at_once(alert_ids):
        connection.execute(
            delete(changes).where(changes.c.alert_id.in_(some), changes.c.available_at_ms <= erased_at_ms)
        )
        left = set(connection.scalars(select(changes.c.alert_id).where(changes.c.alert_id.in_(some)).distinct()))
        gone = [alert_id for alert_id in some if alert_id not in left]
        connection.execute(delete(actions).where(actions.c.alert_id.in_(gone)))
        connection.execute(delete(tables.alerts).where(alerts.alert_id.in_(gone)))
        fold_alerts(connection, left)


def erase_next_from_version(connection: Connection, manifest: Manifest, after: str) -> str | None:
    """Erase some vehicles behind `after` from a version; return the last of them, None where these were all.

    `manifest` may be of a version whose rows are there and which is not served yet.
    """
    behind = tables.erased.c.vehicle_id > after
    erased = erase_from_version(connection, manifest, behind, most=_MOST_AT_ONCE)
    return erased[-1] if len(erased) == _MOST_AT_ONCE else None


def erase_from_version(
    connection: Connection, manifest: Manifest, which: ColumnElement[bool], *, most: int | None = None
) -> list[str]:
    """Delete old trips of erased vehicles from a version, and what was summed up from them; return whose, in order.

    A vehicle's sums are made anew from trips that began later, without the indexes, which need readings. Those of
    models and fleets are sums of many and stay. A version without old trips was computed after the lake had been
    erased too.
    """
    erased, trips = tables.erased.c, tables.batch_trips.c
    has_old_trips = exists().where(
        trips.version == manifest.version,
        trips.vehicle_id == erased.vehicle_id,
        trips.trip_started_at_ms <= erased.erased_at_ms,
    )
    query = select(tables.erased).where(which, has_old_trips).order_by(erased.vehicle_id).limit(most)
    found = connection.execute(query).all()
    for vehicle_id, at_ms in found:
        _erase_one(connection, manifest, vehicle_id, at_ms)
    return [vehicle_id for vehicle_id, _ in found]


def _erase_one(connection: Connection, manifest: Manifest, vehicle_id: str, at_ms: int) -> None:
    trips, days, ways = tables.batch_trips, tables.batch_vehicle_days, tables.batch_route_savings
    version = manifest.version
    known = connection.execute(select(trips).where(trips.c.version == version, trips.c.vehicle_id == vehicle_id)).all()
    _delete_sums(connection, manifest, vehicle_id, (trip.trip_started_at_ms for trip in known))
    is_of_day = and_(days.c.version == version, days.c.vehicle_id == vehicle_id, days.c.day <= day_of(at_ms))
    connection.execute(delete(days).where(is_of_day))
    for table in (trips, ways):
        is_of_vehicle = and_(table.c.version == version, table.c.vehicle_id == vehicle_id)
        connection.execute(delete(table).where(is_of_vehicle, table.c.trip_started_at_ms <= at_ms))
    left = [trip for trip in known if trip.trip_started_at_ms > at_ms]
    _sum_up(connection, vehicle_id, manifest, left, from_day=day_of(at_ms))


def _delete_sums(connection: Connection, manifest: Manifest, vehicle_id: str, starts_ms: Iterable[int]) -> None:
    """Delete a vehicle's fuel efficiency of all periods that hold its trips, each by its whole key."""
    periods = {period for started_at_ms in starts_ms for period in _periods(manifest, started_at_ms)}
    keys = ((manifest.version, "vehicle", kind, name, vehicle_id) for kind, name in sorted(periods))
    delete_rows(connection, tables.batch_fuel_efficiency, keys)


def _periods(manifest: Manifest, started_at_ms: int) -> Iterator[tuple[PeriodKind, str]]:
    """Return the kinds and names of the periods of a version that hold a trip's start."""
    as_of_day = day_of(manifest.as_of_ms)
    for kind in PERIOD_KINDS:
        period = period_holding(kind, as_of_day if kind in LAST_DAYS else day_of(started_at_ms))
        if started_at_ms in period:
            yield kind, period.name


def _sum_up(
    connection: Connection, vehicle_id: str, manifest: Manifest, left: Iterable[Row[Any]], *, from_day: date
) -> None:
    """Sum up the trips that a vehicle has left in a version; later days than `from_day` are there still."""
    version = manifest.version
    days: dict[date, list[int]] = {}
    sums: dict[tuple[str, str], Contribution] = {}
    for trip in left:
        day = day_of(trip.trip_started_at_ms)
        adds = contribution(TripTotals(trip.trip_started_at_ms, trip.distance_m, trip.ended_at_ms, trip.fuel_ml, None))
        if day == from_day:
            of_day = days.setdefault(day, [0] * len(_DAY_SUMS))
            for at, value in enumerate((1, trip.distance_m, trip.idle_s or 0, *adds.counts)):
                of_day[at] += value
        for period in _periods(manifest, trip.trip_started_at_ms) if adds.trips else ():
            sums[period] = sums.get(period, NOTHING) + adds
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
    """Tell whether the store still holds anything of a vehicle that may be served."""
    holders = (tables.vehicles, tables.vehicle_latest, tables.alerts, tables.speed_trips)
    # A version that is being loaded is erased from before it is served.
    versions, trips = tables.versions.c.version, tables.batch_trips.c
    in_batch = select(versions).where(exists().where(trips.version == versions, trips.vehicle_id == vehicle_id))
    queries = [*(select(table.c.vehicle_id).where(table.c.vehicle_id == vehicle_id) for table in holders), in_batch]
    return any(connection.scalar(query.limit(1)) is not None for query in queries)


def action_keys(connection: Connection, vehicle_id: str) -> list[bytes]:
    """Give the keys in alert-actions of what people did about a vehicle's alerts."""
    actions, alerts = tables.alert_actions, tables.alerts
    query = select(actions.c.alert_id, actions.c.action_id).join(alerts, alerts.c.alert_id == actions.c.alert_id)
    rows = connection.execute(query.where(alerts.c.vehicle_id == vehicle_id))
    return [f"{alert_id}:{action_id}".encode() for alert_id, action_id in rows]
