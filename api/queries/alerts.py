"""Alerts from the store: lists, one with its history, open ones by vehicle, and those that need attention."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from sqlalchemy import BigInteger, String, bindparam, case, func, select, true, tuple_

from api.queries.registered import is_registered_only, registered
from api.store import tables
from contracts.alert import SEVERITIES, Alert, AlertAction
from contracts.codec import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select

AlertRow: TypeAlias = "Row[Any]"
"""A row of table `alerts`."""
MOST_LISTED: Final = 10
"""Open alerts that are listed with a vehicle."""
MOST_TOLD: Final = 100
"""Changes, and actions, that are told of one alert."""
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


class OpenCount(NamedTuple):
    """How many open alerts a vehicle has, and how many of them nobody has acknowledged."""

    alerts: int
    in_need: int


class AlertHistory(NamedTuple):
    """An alert, its latest changes in order, what people did last, oldest first, and how many of both there are."""

    row: AlertRow
    changes: list[Alert]
    actions: list[AlertAction]
    change_count: int
    action_count: int


def alerts_newest_first(
    connection: Connection, wanted: AlertFilter, *, after: tuple[int, str] | None, limit: int
) -> Sequence[AlertRow]:
    """Give alerts by falling (available_at_ms, alert_id), beginning after that pair: stable while new ones come."""
    given = {name: value for name, value in wanted._asdict().items() if value is not None} | {"limit": limit}
    if after is not None:
        given |= {"after_ms": after[0], "after_id": after[1]}
    return connection.execute(_page(frozenset(given), is_registered_only=is_registered_only(connection)), given).all()


@cache
def _page(given: frozenset[str], *, is_registered_only: bool) -> Select[Any]:
    """Give the statement for these filters, each of which is a parameter of its name."""
    query = select(_ALERTS).where(*(_condition(name) for name in AlertFilter._fields if name in given))
    query = query.where(*_shown(is_registered_only=is_registered_only))
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


def _shown(*, is_registered_only: bool) -> list[ColumnElement[bool]]:
    """Return what holds for alerts that may be shown and counted."""
    return [registered(_ALERTS.c.vehicle_id)] if is_registered_only else []


class _Statements(NamedTuple):
    one: Select[Any]
    open_of_many: Select[Any]
    open_counts: Select[Any]
    by_urgency: Select[Any]
    by_severity: Select[Any]
    in_need: Select[Any]


# Statements are made once: making one takes longer than SQLite takes to answer it.
@cache
def _statements(*, is_registered_only: bool) -> _Statements:
    is_shown = _shown(is_registered_only=is_registered_only)
    is_open = (_IS_OPEN, *is_shown)
    is_of_many = _ALERTS.c.vehicle_id.in_(bindparam("vehicle_ids", expanding=True))
    place = func.row_number().over(partition_by=_ALERTS.c.vehicle_id, order_by=_URGENCY).label("place")
    ranked = select(_ALERTS.c.alert_id, place).where(*is_open, is_of_many).subquery()
    return _Statements(
        one=select(_ALERTS).where(_ALERTS.c.alert_id == bindparam("alert_id"), *is_shown),
        open_of_many=select(_ALERTS)
        .join(ranked, ranked.c.alert_id == _ALERTS.c.alert_id)
        .where(ranked.c.place <= bindparam("most"))
        .order_by(*_URGENCY),
        open_counts=select(_ALERTS.c.vehicle_id, func.count(), func.sum(case((_ALERTS.c.needs_attention, 1), else_=0)))
        .where(*is_open, is_of_many)
        .group_by(_ALERTS.c.vehicle_id),
        by_urgency=select(_ALERTS.c.vehicle_id).where(*is_open).order_by(*_URGENCY),
        by_severity=select(_ALERTS.c.severity_rank, func.count()).where(*is_open).group_by(_ALERTS.c.severity_rank),
        in_need=select(func.count(_ALERTS.c.vehicle_id.distinct())).where(*is_open),
    )


def _asked(connection: Connection) -> _Statements:
    return _statements(is_registered_only=is_registered_only(connection))


_CHANGES, _ACTIONS = tables.alert_changes.c, tables.alert_actions.c
_LATEST_CHANGES = (
    select(_CHANGES.event)
    .where(_CHANGES.alert_id == bindparam("alert_id"))
    .order_by(_CHANGES.change.desc())
    .limit(bindparam("most"))
)
_LATEST_ACTIONS = (
    select(_ACTIONS.event)
    .where(_ACTIONS.alert_id == bindparam("alert_id"))
    .order_by(_ACTIONS.available_at_ms.desc(), _ACTIONS.action_id.desc())
    .limit(bindparam("most"))
)
_CHANGE_COUNT = select(func.count()).where(_CHANGES.alert_id == bindparam("alert_id"))
_ACTION_COUNT = select(func.count()).where(_ACTIONS.alert_id == bindparam("alert_id"))
_ACTION = select(_ACTIONS.event).where(
    _ACTIONS.alert_id == bindparam("alert_id"), _ACTIONS.action_id == bindparam("action_id")
)


def one_alert(connection: Connection, alert_id: str) -> AlertRow | None:
    """Return one alert as it stands, None when there is none."""
    return connection.execute(_asked(connection).one, {"alert_id": alert_id}).one_or_none()


def alert_history(connection: Connection, alert_id: str) -> AlertHistory | None:
    """Give one alert with what happened to it, None when there is none."""
    row = one_alert(connection, alert_id)
    if row is None:
        return None
    asked = {"alert_id": alert_id, "most": MOST_TOLD}
    changes = connection.scalars(_LATEST_CHANGES, asked).all()
    actions = connection.scalars(_LATEST_ACTIONS, asked).all()
    return AlertHistory(
        row,
        [decode(event.encode(), Alert) for event in reversed(changes)],
        [decode(event.encode(), AlertAction) for event in reversed(actions)],
        _number(connection, _CHANGE_COUNT, alert_id, changes),
        _number(connection, _ACTION_COUNT, alert_id, actions),
    )


def _number(connection: Connection, count: Select[int], alert_id: str, found: Sequence[object]) -> int:
    """Return how many there are; these are all unless there are as many as are told."""
    return len(found) if len(found) < MOST_TOLD else connection.scalar(count, {"alert_id": alert_id}) or 0


def action_done(connection: Connection, alert_id: str, action_id: str) -> AlertAction | None:
    """Return what was done about an alert under this id, None if nothing was."""
    event = connection.scalar(_ACTION, {"alert_id": alert_id, "action_id": action_id})
    return decode(event.encode(), AlertAction) if event else None


def open_alerts(connection: Connection, vehicle_ids: Sequence[str]) -> dict[str, list[AlertRow]]:
    """Give the most urgent open alerts of each of these vehicles, at most MOST_LISTED, the most urgent first."""
    found: dict[str, list[AlertRow]] = defaultdict(list)
    asked = {"vehicle_ids": vehicle_ids, "most": MOST_LISTED}
    for row in connection.execute(_asked(connection).open_of_many, asked):
        found[row.vehicle_id].append(row)
    return found


def count_open_of(connection: Connection, vehicle_ids: Sequence[str]) -> dict[str, OpenCount]:
    """Return how many open alerts each of these vehicles has."""
    rows = connection.execute(_asked(connection).open_counts, {"vehicle_ids": vehicle_ids})
    found = {vehicle_id: OpenCount(*numbers) for vehicle_id, *numbers in rows}
    return {vehicle_id: found.get(vehicle_id, OpenCount(0, 0)) for vehicle_id in vehicle_ids}


def vehicles_in_need(connection: Connection, *, limit: int) -> list[str]:
    """Give vehicles with open alerts, by their most urgent one."""
    found: dict[str, None] = {}
    # The index gives them in this order, so no more is read than it takes.
    with connection.execution_options(stream_results=True).execute(_asked(connection).by_urgency) as rows:
        for (vehicle_id,) in rows:
            found[vehicle_id] = None
            if len(found) == limit:
                break
    return list(found)


def count_open(connection: Connection) -> dict[str, int]:
    """Give the number of open alerts by severity, and of vehicles that have some."""
    statements = _asked(connection)
    counts = {SEVERITIES[severity]: count for severity, count in connection.execute(statements.by_severity)}
    return {**counts, "vehicles": connection.scalar(statements.in_need) or 0}
