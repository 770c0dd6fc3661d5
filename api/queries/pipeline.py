"""How the pipeline does, as far as the store knows: marks, rejected readings, latency from event to alert."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import case, func, select

from api.queries.registered import is_registered_only, registered
from api.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

_REJECTED = tables.rejected
FEWEST_REJECTED = 10
"""So many rejected readings, and more than were believed, make a vehicle worth a look."""


class Latency(NamedTuple):
    """From the reading at the broker to its alert at the broker, over `alerts` alerts; None without any."""

    alerts: int
    p50_ms: int | None
    p99_ms: int | None


class MostlyRejected(NamedTuple):
    """A vehicle of which little or nothing is believed; `believed` is about how many readings were, meanwhile."""

    vehicle_id: str
    readings: int
    believed: int
    since_ms: int
    reason: str


def marks(connection: Connection) -> Sequence[Row[Any]]:
    """Return every mark in the store, with the columns of its table, by partition."""
    return connection.execute(select(tables.marks).order_by(tables.marks.c.partition)).all()


def rejected_by_reason(connection: Connection) -> dict[str, int]:
    """Give the number of rejected readings by reason, most first."""
    number = func.sum(_REJECTED.c.records)
    query = select(_REJECTED.c.reason, number).group_by(_REJECTED.c.reason).order_by(number.desc(), _REJECTED.c.reason)
    return {reason: count for reason, count in connection.execute(query)}  # noqa: C416 - rows, not tuples


def mostly_rejected(connection: Connection, *, since_ms: int) -> list[MostlyRejected]:
    """Give vehicles with at least FEWEST_REJECTED readings rejected since then, and more of them than believed.

    How many a car has made is told by its sequence now and some minutes ago. Where nothing was believed after the
    first of the rejected ones, it takes no counting.
    """
    latest = tables.vehicle_latest
    number, first_ms = func.sum(_REJECTED.c.records), func.min(_REJECTED.c.received_at_ms)
    counted_from_ms = func.coalesce(latest.c.earlier_at_ms, latest.c.middle_at_ms, 0)
    heard_ms = func.max(func.coalesce(latest.c.newest_received_at_ms, 0))
    made = func.max(latest.c.sequence - func.coalesce(latest.c.earlier_sequence, latest.c.middle_sequence))
    believed = case((heard_ms < first_ms, 0), else_=func.coalesce(made, 0) - number)
    query = (
        select(_REJECTED.c.vehicle_id, number, believed, first_ms, func.max(_REJECTED.c.reason))
        .select_from(_REJECTED.outerjoin(latest, latest.c.vehicle_id == _REJECTED.c.vehicle_id))
        .where(_REJECTED.c.vehicle_id.is_not(None), _REJECTED.c.received_at_ms >= since_ms)
        .where(_REJECTED.c.received_at_ms >= counted_from_ms)
        .where(*([registered(_REJECTED.c.vehicle_id)] if is_registered_only(connection) else []))
        .group_by(_REJECTED.c.vehicle_id)
        .having(number >= FEWEST_REJECTED, number > believed)
    )
    return [
        MostlyRejected(vehicle_id, readings, max(0, made), at_ms, reason)
        for vehicle_id, readings, made, at_ms, reason in connection.execute(query)
    ]


def event_to_alert(connection: Connection, *, most: int, since_ms: int | None, without: Sequence[str]) -> Latency:
    """Give the latency of the newest alerts, at most `most`, of readings received from `since_ms` on.

    `without` names rules that wait on purpose, as silence does.
    """
    table = tables.alerts
    query = select(table.c.available_at_ms - table.c.received_at_ms).where(table.c.rule.not_in(without))
    if is_registered_only(connection):
        query = query.where(registered(table.c.vehicle_id))
    if since_ms is not None:
        query = query.where(table.c.received_at_ms >= since_ms)
    query = query.order_by(table.c.available_at_ms.desc(), table.c.alert_id.desc()).limit(most)
    waits = sorted(connection.scalars(query))
    return Latency(len(waits), quantile(waits, 0.50), quantile(waits, 0.99))


def quantile(in_order: Sequence[int], q: float) -> int | None:
    """Give the nearest-rank quantile of sorted values, None without any."""
    return in_order[max(0, math.ceil(q * len(in_order)) - 1)] if in_order else None
