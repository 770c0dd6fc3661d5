"""Where vehicles are: the newest position of each, inside a box."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, or_, select

from api.store import tables
from contracts.alert import SEVERITIES, Severity
from contracts.codec import decode
from contracts.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

_LATEST = tables.vehicle_latest


class Box(NamedTuple):
    """Degrees; where `west` is greater than `east` it holds the 180th meridian."""

    west: float
    south: float
    east: float
    north: float


EVERYWHERE = Box(-180.0, -90.0, 180.0, 90.0)


class Position(NamedTuple):
    """A vehicle's newest reading with its place; `severity` is that of its worst open alert."""

    reading: Reading
    received_at_ms: int
    is_silent: bool
    severity: Severity | None


def positions(
    connection: Connection, box: Box, *, fleet: str | None, after: str | None, limit: int
) -> Sequence[Position]:
    """Give vehicles with a known position by rising VIN, beginning after a VIN."""
    alerts = tables.alerts
    worst = (
        select(func.max(alerts.c.severity_rank))
        .where(alerts.c.is_open, alerts.c.vehicle_id == _LATEST.c.vehicle_id)
        .scalar_subquery()
    )
    query = select(_LATEST.c.reading, _LATEST.c.newest_received_at_ms, _LATEST.c.is_silent, worst).where(*_inside(box))
    if fleet is not None:
        registry = tables.vehicles
        query = query.where(_LATEST.c.vehicle_id.in_(select(registry.c.vehicle_id).where(registry.c.fleet == fleet)))
    if after is not None:
        query = query.where(_LATEST.c.vehicle_id > after)
    rows = connection.execute(query.order_by(_LATEST.c.vehicle_id).limit(limit))
    return [
        Position(decode(reading.encode(), Reading), at_ms, bool(is_silent), None if rank is None else SEVERITIES[rank])
        for reading, at_ms, is_silent, rank in rows
    ]


def _inside(box: Box) -> list[ColumnElement[bool]]:
    latitude, longitude = _LATEST.c.latitude_deg, _LATEST.c.longitude_deg
    beyond_west, beyond_east = longitude >= box.west, longitude <= box.east
    across = [or_(beyond_west, beyond_east)] if box.west > box.east else [beyond_west, beyond_east]
    return [latitude >= box.south, latitude <= box.north, *across]
