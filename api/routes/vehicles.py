"""Vehicles: list, one, its trips, its fuel efficiency over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.answers.efficiency import VehicleEfficiency, figures, layers
from api.answers.vehicle import TripPage, VehicleDetail, VehiclePage, trip_told, vehicle_listed, vehicle_told
from api.cursor import cursor_after, read_cursor
from api.errors import Unknown
from api.merge import NOTHING, Contribution, contribution, correction
from api.period import Period, day_of, period_holding, start_of
from api.queries.alerts import OpenCount, count_open_of, open_alerts
from api.queries.efficiency import batch_days
from api.queries.served import Served, served
from api.queries.trips import BothLayers, trips_of
from api.queries.vehicles import Known, Listed, VehicleFilter, known, listed, vehicle_ids
from api.representation import answered
from api.routes.costly import COSTLY, turn_of
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

    @routes.get("/vehicles", summary="Vehicles by VIN", dependencies=SELECTABLE, response_model=VehiclePage)
    async def vehicles(
        request: Request,
        fleet: Name = None,
        model: Annotated[Name, Query(description="make, model and year")] = None,
        silent: Annotated[bool | None, Query(description="only silent ones, or only others")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Give every vehicle that is registered or was heard of."""
        wanted = VehicleFilter(fleet, model, silent)
        after = read_cursor(wanted, cursor, str)[0] if cursor else None

        def page(connection: Connection) -> tuple[list[str], dict[str, OpenCount], list[Listed]]:
            ids = vehicle_ids(connection, wanted, after=after, limit=limit + 1)
            return ids, count_open_of(connection, ids[:limit]), listed(connection, ids[:limit])

        async with turn_of(request, is_quick=wanted.is_indexed):
            ids, alerts, found = await store.ask(page, is_quick=wanted.is_indexed)
        items = [vehicle_listed(one, alerts[one.vehicle_id].alerts) for one in found]
        following = cursor_after(wanted, [ids[limit - 1]]) if len(ids) > limit else None
        return answered({"vehicles": items, "next_cursor": following})

    @routes.get(
        "/vehicles/{vin}",
        summary="One vehicle: registry, newest signals, open alerts",
        dependencies=SELECTABLE,
        response_model=VehicleDetail,
    )
    async def vehicle(vin: Vin) -> Response:
        """Give what registry and stream know of it."""

        def found(connection: Connection) -> dict[str, Any]:
            known, count = _known(connection, vin), count_open_of(connection, [vin])
            return vehicle_told(known, open_alerts(connection, [vin])[vin], count[vin])

        return answered(await store.ask(found, is_quick=True))

    @routes.get(
        "/vehicles/{vin}/trips",
        summary="A vehicle's trips, latest first",
        dependencies=SELECTABLE,
        response_model=TripPage,
    )
    async def trips(vin: Vin, view: WantedView = "merged", limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Give totals of its trips; each is the maximum of what batch and speed layer know."""
        query = ("trips", vin, view)
        before_ms = read_cursor(query, cursor, int)[0] if cursor else None

        def page(connection: Connection) -> tuple[Served, list[BothLayers]]:
            _known(connection, vin)
            now = served(connection)
            return now, trips_of(connection, vin, version=now.version, before_ms=before_ms, limit=limit + 1)

        now, both = await store.ask(page, is_quick=True)
        seen = [trip for one in both[:limit] if (trip := one.seen(view)) is not None]
        last = (both[limit - 1].batch or both[limit - 1].speed) if len(both) > limit else None
        following = cursor_after(query, [last.trip_started_at_ms]) if last else None
        told = {"vehicle_id": vin, "trips": [trip_told(trip) for trip in seen], "next_cursor": following}
        return answered(layers(now, view) | told)

    @routes.get(
        "/vehicles/{vin}/efficiency",
        summary="A vehicle's fuel efficiency over time",
        dependencies=[*SELECTABLE, COSTLY],
        response_model=VehicleEfficiency,
    )
    async def efficiency(
        vin: Vin, period_kind: PeriodKind = "day", view: WantedView = "merged", limit: Limit = 50
    ) -> Response:
        """Give its periods of one kind, latest first."""

        def found(connection: Connection) -> tuple[Served, dict[Period, Contribution]]:
            _known(connection, vin)
            now = served(connection)
            days = batch_days(connection, vin, version=now.version)
            live = trips_of(connection, vin, version=now.version)
            return now, _by_period(_batch_periods(days, period_kind, now), live, view, period_kind, now)

        now, totals = await store.ask(found)  # in a thread, as a vehicle may have made thousands of trips
        latest_first = sorted(totals.items(), key=lambda item: item[0].from_ms, reverse=True)[:limit]
        periods = [
            {"period": period.name, "from_ms": period.from_ms} | figures(total) for period, total in latest_first
        ]
        return answered(layers(now, view) | {"vehicle_id": vin, "period_kind": period_kind, "periods": periods})

    return routes


def _known(connection: Connection, vin: str) -> Known:
    found = known(connection, vin)
    if found is None:
        raise Unknown(f"no vehicle {vin} is registered or was heard of; /v1/vehicles lists them")
    return found


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
    for trip in trips:
        if trip.speed is None:
            continue
        added = correction(*trip) if view == "merged" else contribution(trip.speed)
        period = _period_of(trip.speed.trip_started_at_ms, kind, now)
        if period is not None and added != NOTHING:
            totals[period] = totals.get(period, NOTHING) + added
    return totals


def _period_of(trip_started_at_ms: int, kind: PeriodKind, now: Served) -> Period | None:
    if kind in LAST_DAYS:
        period = period_holding(kind, now.as_of_day)
        return period if trip_started_at_ms in period else None
    return period_holding(kind, day_of(trip_started_at_ms))
