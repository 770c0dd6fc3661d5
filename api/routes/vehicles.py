"""Vehicles: list, one, its trips, its fuel efficiency over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from api.answers.efficiency import Layers, PeriodFigures, VehicleEfficiency, figures
from api.answers.vehicle import TripAnswer, TripPage, VehicleDetail, VehicleItem, VehiclePage
from api.cursor import cursor_after, read_cursor
from api.errors import Unknown
from api.merge import NOTHING, Contribution, contribution, correction
from api.period import Period, day_of, period_holding, start_of
from api.queries.alerts import open_alerts
from api.queries.efficiency import batch_days
from api.queries.served import Served, served
from api.queries.trips import BothLayers, trips_of
from api.queries.vehicles import Known, VehicleFilter, known, vehicle_ids
from api.routes.parameters import PREFIX, Cursor, Limit, Name, Vin, WantedView
from api.routes.selection import SELECTABLE, Selecting
from contracts.definitions import LAST_DAYS, PeriodKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import Connection

    from api.merge import View
    from api.store.database import Store


def vehicle_routes(store: Store) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["vehicles"], route_class=Selecting)

    @routes.get("/vehicles", summary="Vehicles by VIN", dependencies=SELECTABLE)
    def vehicles(
        fleet: Name = None,
        model: Annotated[Name, Query(description="make, model and year")] = None,
        silent: Annotated[bool | None, Query(description="only silent ones, or only others")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> VehiclePage:
        """Give every vehicle that is registered or was heard of."""
        wanted = VehicleFilter(fleet, model, silent)
        after = read_cursor(wanted, cursor, str)[0] if cursor else None
        with store.snapshot() as connection:
            ids = vehicle_ids(connection, wanted, after=after, limit=limit + 1)
            page = ids[:limit]
            alerts = open_alerts(connection, page)
            items = [VehicleItem.of(one, len(alerts[one.vehicle_id])) for one in known(connection, page)]
        more = len(ids) > limit
        return VehiclePage(vehicles=items, next_cursor=cursor_after(wanted, page[-1:]) if more else None)

    @routes.get(
        "/vehicles/{vin}", summary="One vehicle: registry, newest signals, open alerts", dependencies=SELECTABLE
    )
    def vehicle(vin: Vin) -> VehicleDetail:
        """Give what registry and stream know of it."""
        with store.snapshot() as connection:
            return VehicleDetail.of(_known(connection, vin), open_alerts(connection, [vin])[vin])

    @routes.get("/vehicles/{vin}/trips", summary="A vehicle's trips, latest first", dependencies=SELECTABLE)
    def trips(vin: Vin, view: WantedView = "merged", limit: Limit = 50, cursor: Cursor = None) -> TripPage:
        """Give totals of its trips; each is the maximum of what batch and speed layer know."""
        query = ("trips", vin, view)
        before_ms = read_cursor(query, cursor, int)[0] if cursor else None
        with store.snapshot() as connection:
            _known(connection, vin)
            now = served(connection)
            both = trips_of(connection, vin, version=now.version, before_ms=before_ms, limit=limit + 1)
        seen = [trip for layers in both[:limit] if (trip := layers.seen(view)) is not None]
        last = (both[limit - 1].batch or both[limit - 1].speed) if len(both) > limit else None
        return TripPage(
            **dict(Layers.of(now, view)),
            vehicle_id=vin,
            trips=[TripAnswer.of(trip) for trip in seen],
            next_cursor=cursor_after(query, [last.trip_started_at_ms]) if last else None,
        )

    @routes.get("/vehicles/{vin}/efficiency", summary="A vehicle's fuel efficiency over time", dependencies=SELECTABLE)
    def efficiency(
        vin: Vin, period_kind: PeriodKind = "day", view: WantedView = "merged", limit: Limit = 50
    ) -> VehicleEfficiency:
        """Give its periods of one kind, latest first."""
        with store.snapshot() as connection:
            _known(connection, vin)
            now = served(connection)
            batch = batch_days(connection, vin, version=now.version)
            live = trips_of(connection, vin, version=now.version)
        totals = _by_period(_batch_periods(batch, period_kind, now), live, view, period_kind, now)
        latest_first = sorted(totals.items(), key=lambda item: item[0].from_ms, reverse=True)[:limit]
        return VehicleEfficiency(
            **dict(Layers.of(now, view)),
            vehicle_id=vin,
            period_kind=period_kind,
            periods=[
                PeriodFigures(period=period.name, from_ms=period.from_ms, **figures(total))
                for period, total in latest_first
            ],
        )

    return routes


def _known(connection: Connection, vin: str) -> Known:
    found = known(connection, [vin])
    if not found:
        raise Unknown(f"no vehicle {vin} is registered or was heard of; /v1/vehicles lists them")
    return found[0]


def _batch_periods(
    days: Iterable[tuple[date, Contribution]], kind: PeriodKind, now: Served
) -> dict[Period, Contribution]:
    totals: dict[Period, Contribution] = {}
    for day, added in days:
        period = _period_of(start_of(day), kind, now)
        if period is not None:
            totals[period] = totals.get(period, NOTHING) + added
    return totals


def _by_period(
    batch: dict[Period, Contribution], trips: Iterable[BothLayers], view: View, kind: PeriodKind, now: Served
) -> dict[Period, Contribution]:
    """Correct batch aggregates by trips with speed rows, or sum up the speed rows alone."""
    if view == "batch":
        return batch
    totals = dict(batch) if view == "merged" else {}
    for layers in trips:
        if layers.speed is None:
            continue
        added = correction(*layers) if view == "merged" else contribution(layers.speed)
        period = _period_of(layers.speed.trip_started_at_ms, kind, now)
        if period is not None and added != NOTHING:
            totals[period] = totals.get(period, NOTHING) + added
    return totals


def _period_of(trip_started_at_ms: int, kind: PeriodKind, now: Served) -> Period | None:
    if kind in LAST_DAYS:
        period = period_holding(kind, now.as_of_day)
        return period if trip_started_at_ms in period else None
    return period_holding(kind, day_of(trip_started_at_ms))
