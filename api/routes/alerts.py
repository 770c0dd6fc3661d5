"""Which cars need attention, and their alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.answers.alert import AlertDetail, AlertPage, Attention, alert_told, alerted, unbelieved
from api.answers.alert import alert as alert_answer
from api.cursor import cursor_after, read_cursor
from api.errors import Unknown
from api.queries.alerts import (
    AlertFilter,
    alert_history,
    alerts_newest_first,
    count_open,
    count_open_of,
    open_alerts,
    vehicles_in_need,
)
from api.queries.pipeline import mostly_rejected
from api.queries.served import consumed_offsets
from api.queries.vehicles import listed
from api.representation import answered
from api.routes.costly import turn_of
from api.routes.parameters import MOST_ROWS, PREFIX, AlertId, AtMs, Cursor, Limit, Name
from api.routes.selection import SELECTABLE, Selecting
from api.single_flight import SingleFlight
from contracts.alert import SEVERITIES, AlertState, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from api.store.database import Store

Moment = tuple[object, int]
"""What the store has read, and the second that it is: the list of attention depends on both."""
_REJECTED_FOR_MS = 10 * 60 * 1000
_MOMENT_MS = 1_000
_USUAL_ROWS: Final = 50


class _Need(NamedTuple):
    """The list of attention at a moment; a shorter one is its beginning."""

    moment: Moment
    vehicles: list[msgspec.Raw]
    counts: dict[str, Any]

    def first(self, limit: int) -> Response:
        return answered({"vehicles": self.vehicles[:limit]} | self.counts)


class _Attention:
    """The list of attention of up to so many vehicles: many look at it, and often at the same one."""

    def __init__(self, store: Store, clock: Callable[[], int], *, most: int) -> None:
        self._store = store
        self._clock = clock
        self._most = most
        self._latest: _Need | None = None
        self._computed = SingleFlight(self._compute)

    async def now(self) -> _Need:
        latest = self._latest
        if latest is not None and latest.moment == await self._store.ask(self._moment, is_quick=True):
            return latest
        return await self._computed.result()

    async def _compute(self) -> _Need:
        self._latest = await self._store.ask(self._need)
        return self._latest

    def _moment(self, connection: Connection) -> Moment:
        return consumed_offsets(connection), self._clock() // _MOMENT_MS

    def _need(self, connection: Connection) -> _Need:
        moment = self._moment(connection)
        answer = _attention(connection, limit=self._most, now_ms=self._clock())
        vehicles = [msgspec.Raw(msgspec.json.encode(item)) for item in answer.pop("vehicles")]
        return _Need(moment, vehicles, answer)


def alert_routes(store: Store, clock: Callable[[], int]) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["alerts"], route_class=Selecting)
    usual, longest = (_Attention(store, clock, most=most) for most in (_USUAL_ROWS, MOST_ROWS))

    @routes.get(
        "/attention",
        summary="Which cars need immediate attention?",
        dependencies=SELECTABLE,
        response_model=Attention,
    )
    async def attention(limit: Limit = _USUAL_ROWS) -> Response:
        """Worst first, by the most urgent alert: severity, then unacknowledged, then oldest; also the unbelieved."""
        need = await (usual if limit <= _USUAL_ROWS else longest).now()
        return need.first(limit)

    @routes.get("/alerts", summary="Alerts, newest first", dependencies=SELECTABLE, response_model=AlertPage)
    async def alerts(  # noqa: PLR0913, PLR0917 - each is one filter
        request: Request,
        vehicle_id: Name = None,
        fleet: Name = None,
        rule: Name = None,
        severity: Severity | None = None,
        state: AlertState | None = None,
        is_open: Annotated[bool | None, Query(description="neither cleared nor resolved")] = None,
        raised_from_ms: AtMs = None,
        raised_until_ms: AtMs = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Filter by vehicle, fleet, rule, severity, state, time of raise (event time); stable while new ones come."""
        wanted = AlertFilter(vehicle_id, fleet, rule, severity, state, is_open, raised_from_ms, raised_until_ms)
        after = read_cursor(wanted, cursor, int, str) if cursor else None
        begin = (after[0], after[1]) if after else None
        is_quick = wanted.is_indexed and not store.registered_only
        async with turn_of(request, is_quick=is_quick):
            rows = await store.ask(
                lambda connection: alerts_newest_first(connection, wanted, after=begin, limit=limit + 1),
                is_quick=is_quick,
            )
        last = rows[limit - 1] if len(rows) > limit else None
        following = cursor_after(wanted, (last.available_at_ms, last.alert_id)) if last else None
        return answered({"alerts": [alert_answer(row) for row in rows[:limit]], "next_cursor": following})

    @routes.get(
        "/alerts/{alert_id}",
        summary="One alert and its history",
        dependencies=SELECTABLE,
        response_model=AlertDetail,
    )
    async def alert(alert_id: AlertId) -> Response:
        """Give every change of the episode, and what people did about it."""
        history = await store.ask(lambda connection: alert_history(connection, alert_id), is_quick=True)
        if history is None:
            raise unknown_alert(alert_id)
        return answered(alert_told(history))

    return routes


def unknown_alert(alert_id: str) -> Unknown:
    """Say that there is no such alert."""
    return Unknown(f"no alert {alert_id!r} is known; /v1/alerts lists them")


def _attention(connection: Connection, *, limit: int, now_ms: int) -> dict[str, Any]:
    counts = count_open(connection)
    in_need = counts.pop("vehicles")
    urgent = vehicles_in_need(connection, limit=limit)
    doubted = {one.vehicle_id: one for one in mostly_rejected(connection, since_ms=now_ms - _REJECTED_FOR_MS)}
    others = [vehicle_id for vehicle_id in doubted if vehicle_id not in urgent]
    alerts, count = open_alerts(connection, [*urgent, *others]), count_open_of(connection, [*urgent, *others])
    # An alert may be here before its vehicle's first state.
    items = [alerted(one, alerts[one.vehicle_id], count[one.vehicle_id]) for one in listed(connection, urgent)]
    items += [
        unbelieved(one, doubted[one.vehicle_id], alerts.get(one.vehicle_id, []), count[one.vehicle_id])
        for one in listed(connection, list(doubted))
    ]
    worst: dict[str, dict[str, Any]] = {}
    for item in sorted(items, key=_urgency):
        worst.setdefault(item["vehicle_id"], item)
    return {
        "vehicles": list(worst.values())[:limit],
        "vehicles_in_need": in_need + sum(vehicle_id not in alerts for vehicle_id in others),
        "open_alerts": {severity: counts.get(severity, 0) for severity in reversed(SEVERITIES)},
    }


def _urgency(item: dict[str, Any]) -> tuple[int, bool, int]:
    """Return what a vehicle is sorted by, which is what it was found by: its most urgent alert, if it has one."""
    reason = item["alerts"][0] if item["reason"] == "alert" else item
    return -SEVERITIES.index(item["severity"]), not reason["needs_attention"], item["since_ms"]
