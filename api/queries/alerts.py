"""Alerts from the store: lists, one with its history, open ones by vehicle, and those that need attention."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, String, bindparam, func, select, true, tuple_

from api.store import tables
from contracts.alert import SEVERITIES, Alert, AlertAction
from contracts.codec import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select

_ALERTS = tables.alerts
_IS_OPEN = _ALERTS.c.is_open == true()
"""Written out, as SQLite seeks along an index only where it is compared with something."""
_URGENCY = (
    _ALERTS.c.severity_rank.desc(),
    _ALERTS.c.needs_attention.desc(),
    _ALERTS.c.raised_at_ms,
    _ALERTS.c.alert_id,
)
"""The order of attention: severity, then unacknowledged, then oldest."""


class AlertFilter(NamedTuple):
    """Which alerts; None means all. Times are epoch milliseconds of the raise, in event time."""

    vehicle_id: str | None = None
    fleet: str | None = None
    rule: str | None = None
    severity: str | None = None
    state: str | None = None
    is_open: bool | None = None
    raised_from_ms: int | None = None
    raised_until_ms: int | None = None

    @property
    def is_indexed(self) -> bool:
        """Tell whether an index leads to the alerts that are wanted, so that few others are looked at."""
        if (self.fleet, self.state, self.raised_from_ms, self.raised_until_ms) != (None,) * 4:
            return False
        filters = {name for name, value in self._asdict().items() if value is not None}
        return filters in ({"vehicle_id"}, {"rule"}, {"is_open"}, {"severity", "is_open"}, set())


class AlertHistory(NamedTuple):
    """An alert, its changes in order, and what people did, oldest first."""

    row: Row[Any]
    changes: list[Alert]
    actions: list[AlertAction]


def alerts_newest_first(
    connection: Connection, wanted: AlertFilter, *, after: tuple[int, str] | None, limit: int
) -> Sequence[Row[Any]]:
    """Give alerts by falling (available_at_ms, alert_id), beginning after that pair: stable while new ones come."""
    given = {name: value for name, value in wanted._asdict().items() if value is not None} | {"limit": limit}
    if after is not None:
        given |= {"after_ms": after[0], "after_id": after[1]}
    return connection.execute(_page(frozenset(given)), given).all()


@cache
def _page(given: frozenset[str]) -> Select[Any]:
    """Give the statement for these filters, each of which is a parameter of its name."""
    query = select(_ALERTS).where(*(_condition(name) for name in AlertFilter._fields if name in given))
    if "after_ms" in given:
        order = tuple_(_ALERTS.c.available_at_ms, _ALERTS.c.alert_id)
        query = query.where(
            order < tuple_(bindparam("after_ms", type_=BigInteger), bindparam("after_id", type_=String))
        )
    newest_first = query.order_by(_ALERTS.c.available_at_ms.desc(), _ALERTS.c.alert_id.desc())
    return newest_first.limit(bindparam("limit"))


def _condition(name: str) -> ColumnElement[bool]:
    given: BindParameter[Any] = bindparam(name)
    if name == "fleet":
        members = select(tables.vehicles.c.vehicle_id).where(tables.vehicles.c.fleet == given)
        return _ALERTS.c.vehicle_id.in_(members)
    if name == "raised_from_ms":
        return _ALERTS.c.raised_at_ms >= given
    if name == "raised_until_ms":
        return _ALERTS.c.raised_at_ms < given
    return _ALERTS.c[name] == given


# Statements are made once: making one takes longer than SQLite takes to answer it.
_CHANGES, _ACTIONS = tables.alert_changes.c, tables.alert_actions.c
_ONE = select(_ALERTS).where(_ALERTS.c.alert_id == bindparam("alert_id"))
_CHANGES_OF = select(_CHANGES.event).where(_CHANGES.alert_id == bindparam("alert_id")).order_by(_CHANGES.change)
_ACTIONS_ON = (
    select(_ACTIONS.event)
    .where(_ACTIONS.alert_id == bindparam("alert_id"))
    .order_by(_ACTIONS.available_at_ms, _ACTIONS.action_id)
)
_OPEN_OF_ONE = select(_ALERTS).where(_IS_OPEN, _ALERTS.c.vehicle_id == bindparam("vehicle_id")).order_by(*_URGENCY)
_OPEN_OF_MANY = (
    select(_ALERTS)
    .where(_IS_OPEN, _ALERTS.c.vehicle_id.in_(bindparam("vehicle_ids", expanding=True)))
    .order_by(*_URGENCY)
)
_NUMBER = func.count()
_OPEN_COUNTS = (
    select(_ALERTS.c.vehicle_id, _NUMBER)
    .where(_IS_OPEN, _ALERTS.c.vehicle_id.in_(bindparam("vehicle_ids", expanding=True)))
    .group_by(_ALERTS.c.vehicle_id)
)
_BY_URGENCY = select(_ALERTS.c.vehicle_id).where(_IS_OPEN).order_by(*_URGENCY)
_BY_SEVERITY = select(_ALERTS.c.severity_rank, _NUMBER).where(_IS_OPEN).group_by(_ALERTS.c.severity_rank)
_IN_NEED = select(func.count(_ALERTS.c.vehicle_id.distinct())).where(_IS_OPEN)


def alert_history(connection: Connection, alert_id: str) -> AlertHistory | None:
    """Give one alert with everything that happened to it, None when there is none."""
    asked = {"alert_id": alert_id}
    row = connection.execute(_ONE, asked).one_or_none()
    if row is None:
        return None
    events, done = connection.scalars(_CHANGES_OF, asked), connection.scalars(_ACTIONS_ON, asked)
    return AlertHistory(
        row,
        [decode(event.encode(), Alert) for event in events],
        [decode(event.encode(), AlertAction) for event in done],
    )


def open_alerts_of(connection: Connection, vehicle_id: str) -> Sequence[Row[Any]]:
    """Give the open alerts of one vehicle, the most urgent first."""
    return connection.execute(_OPEN_OF_ONE, {"vehicle_id": vehicle_id}).all()


def open_alerts(connection: Connection, vehicle_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """Give the open alerts of these vehicles, each vehicle's most urgent first."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_OPEN_OF_MANY, {"vehicle_ids": vehicle_ids}):
        found[row.vehicle_id].append(row)
    return found


def count_open_of(connection: Connection, vehicle_ids: Sequence[str]) -> dict[str, int]:
    """Give the number of open alerts of those vehicles that have some."""
    return {vehicle_id: number for vehicle_id, number in connection.execute(_OPEN_COUNTS, {"vehicle_ids": vehicle_ids})}  # noqa: C416 - rows, not tuples


def vehicles_in_need(connection: Connection, *, limit: int) -> list[str]:
    """Give vehicles with open alerts, by their most urgent one."""
    found: dict[str, None] = {}
    # The index gives them in this order, so no more is read than it takes.
    with connection.execution_options(stream_results=True).execute(_BY_URGENCY) as rows:
        for (vehicle_id,) in rows:
            found[vehicle_id] = None
            if len(found) == limit:
                break
    return list(found)


def count_open(connection: Connection) -> dict[str, int]:
    """Give the number of open alerts by severity, and of vehicles that have some."""
    counts = {SEVERITIES[severity]: count for severity, count in connection.execute(_BY_SEVERITY)}
    return {**counts, "vehicles": connection.scalar(_IN_NEED) or 0}
