"""Alerts from the store: lists, one with its history, open ones by vehicle, and those that need attention."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select, tuple_

from api.store import tables
from contracts.alert import SEVERITIES, Alert, AlertAction
from contracts.codec import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row

_ALERTS = tables.alerts


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


class AlertHistory(NamedTuple):
    """An alert, its changes in order, and what people did, oldest first."""

    row: Row[Any]
    changes: list[Alert]
    actions: list[AlertAction]


def alerts_newest_first(
    connection: Connection, wanted: AlertFilter, *, after: tuple[int, str] | None, limit: int
) -> Sequence[Row[Any]]:
    """Give alerts by falling (available_at_ms, alert_id), beginning after that pair: stable while new ones come."""
    order = tuple_(_ALERTS.c.available_at_ms, _ALERTS.c.alert_id)
    query = select(_ALERTS).where(*_conditions(wanted))
    if after is not None:
        query = query.where(order < tuple_(*after))
    newest_first = query.order_by(_ALERTS.c.available_at_ms.desc(), _ALERTS.c.alert_id.desc())
    return connection.execute(newest_first.limit(limit)).all()


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    equal = wanted._asdict()
    fleet, from_ms, until_ms = (equal.pop(name) for name in ("fleet", "raised_from_ms", "raised_until_ms"))
    conditions: list[ColumnElement[bool]] = [
        _ALERTS.c[name] == value for name, value in equal.items() if value is not None
    ]
    if fleet is not None:
        members = select(tables.vehicles.c.vehicle_id).where(tables.vehicles.c.fleet == fleet)
        conditions.append(_ALERTS.c.vehicle_id.in_(members))
    if from_ms is not None:
        conditions.append(_ALERTS.c.raised_at_ms >= from_ms)
    if until_ms is not None:
        conditions.append(_ALERTS.c.raised_at_ms < until_ms)
    return conditions


def alert_history(connection: Connection, alert_id: str) -> AlertHistory | None:
    """Give one alert with everything that happened to it, None when there is none."""
    row = connection.execute(select(_ALERTS).where(_ALERTS.c.alert_id == alert_id)).one_or_none()
    if row is None:
        return None
    changes = tables.alert_changes
    events = connection.scalars(
        select(changes.c.event).where(changes.c.alert_id == alert_id).order_by(changes.c.change)
    )
    actions = tables.alert_actions
    done = connection.scalars(
        select(actions.c.event)
        .where(actions.c.alert_id == alert_id)
        .order_by(actions.c.available_at_ms, actions.c.action_id)
    )
    return AlertHistory(
        row,
        [decode(event.encode(), Alert) for event in events],
        [decode(event.encode(), AlertAction) for event in done],
    )


def open_alerts(connection: Connection, vehicle_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """Give the open alerts of these vehicles, each vehicle's most urgent first."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    query = (
        select(_ALERTS).where(_ALERTS.c.is_open, _ALERTS.c.vehicle_id.in_(vehicle_ids)).order_by(*_urgency(_ALERTS.c))
    )
    for row in connection.execute(query):
        found[row.vehicle_id].append(row)
    return found


def vehicles_in_need(connection: Connection, *, limit: int) -> list[str]:
    """Give vehicles with open alerts, by their most urgent one."""
    query = select(_ALERTS.c.vehicle_id).where(_ALERTS.c.is_open).order_by(*_urgency(_ALERTS.c))
    found: dict[str, None] = {}
    # The index gives them in this order, so no more is read than it takes.
    with connection.execution_options(stream_results=True).execute(query) as rows:
        for (vehicle_id,) in rows:
            found[vehicle_id] = None
            if len(found) == limit:
                break
    return list(found)


def _urgency(columns: Any) -> tuple[ColumnElement[Any], ...]:
    """Give the order of attention: severity, then unacknowledged, then oldest."""
    return (columns.severity_rank.desc(), columns.needs_attention.desc(), columns.raised_at_ms, columns.alert_id)


def count_open(connection: Connection) -> dict[str, int]:
    """Give the number of open alerts by severity, and of vehicles that have some."""
    rank = _ALERTS.c.severity_rank
    by_severity = select(rank, func.count()).where(_ALERTS.c.is_open).group_by(rank)
    counts = {SEVERITIES[severity]: count for severity, count in connection.execute(by_severity)}
    vehicles = select(func.count(_ALERTS.c.vehicle_id.distinct())).where(_ALERTS.c.is_open)
    return {**counts, "vehicles": connection.scalar(vehicles) or 0}
