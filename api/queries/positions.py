"""Where vehicles are: the newest position of each, inside a box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, or_, select

from api.store import tables
from contracts.alert import SEVERITIES, Severity
from contracts.codec import decode
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

_LATEST = tables.vehicle_latest


class Box(NamedTuple):
    """Degrees; where `west` is greater than `east` it holds the 180th meridian."""

    west: float
    south: float
    east: float
    north: float


EVERYWHERE = Box(-180.0, -90.0, 180.0, 90.0)


class Place(NamedTuple):
    """Where a vehicle is, and up to which reading of its partition that is known."""

    vehicle_id: str
    partition: int
    source_offset: int
    latitude_deg: float
    longitude_deg: float
    fleet: str | None
    is_alerted: bool


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
    query = select(_LATEST.c.vehicle_id).where(*_inside(box))
    if fleet is not None:
        registry = tables.vehicles
        query = query.where(_LATEST.c.vehicle_id.in_(select(registry.c.vehicle_id).where(registry.c.fleet == fleet)))
    if after is not None:
        query = query.where(_LATEST.c.vehicle_id > after)
    # First who is there, along the index, then what is known of those on the page.
    page = query.order_by(_LATEST.c.vehicle_id).limit(limit).subquery()
    found = _select().where(_LATEST.c.vehicle_id.in_(select(page.c.vehicle_id)))
    return _read(connection, found.order_by(_LATEST.c.vehicle_id))


def positions_of(connection: Connection, vehicle_ids: Sequence[str]) -> Sequence[Position]:
    """Give these vehicles' positions by rising VIN, at most some thousands."""
    query = _select().where(_LATEST.c.vehicle_id.in_(vehicle_ids), _LATEST.c.latitude_deg.is_not(None))
    return _read(connection, query.order_by(_LATEST.c.vehicle_id))


def _select() -> Select[Any]:
    alerts = tables.alerts
    worst = (
        select(func.max(alerts.c.severity_rank))
        .where(alerts.c.is_open, alerts.c.vehicle_id == _LATEST.c.vehicle_id)
        .scalar_subquery()
    )
    return select(_LATEST.c.reading, _LATEST.c.newest_received_at_ms, _LATEST.c.is_silent, worst)


def _read(connection: Connection, query: Select[Any]) -> Sequence[Position]:
    return [
        Position(decode(reading.encode(), Reading), at_ms, bool(is_silent), None if rank is None else SEVERITIES[rank])
        for reading, at_ms, is_silent, rank in connection.execute(query)
    ]


def marked_offsets(connection: Connection) -> tuple[int, ...]:
    """Give per partition of vehicle-readings up to where positions are known."""
    marks = tables.marks
    query = select(marks.c.partition, marks.c.next_offset)
    reached = {row.partition: row.next_offset for row in connection.execute(query)}
    return tuple(reached.get(partition, 0) for partition in range(READING_PARTITIONS))


def known_places(connection: Connection, *, since: Sequence[int] | None) -> list[Place]:
    """Give where vehicles are: all, or those with a reading at or beyond these offsets."""
    registry, alerts = tables.vehicles, tables.alerts
    alerted = set(connection.scalars(select(alerts.c.vehicle_id).where(alerts.c.is_open).distinct()))
    names = ("vehicle_id", "partition", "source_offset", "latitude_deg", "longitude_deg")
    query = select(*(_LATEST.c[name] for name in names), registry.c.fleet).select_from(
        _LATEST.outerjoin(registry, registry.c.vehicle_id == _LATEST.c.vehicle_id)
    )
    query = query.where(_LATEST.c.latitude_deg.is_not(None), _LATEST.c.longitude_deg.is_not(None))
    if since is not None:
        beyond = ((_LATEST.c.partition == n) & (_LATEST.c.source_offset >= offset) for n, offset in enumerate(since))
        query = query.where(or_(*beyond))
    return [Place(**row, is_alerted=row["vehicle_id"] in alerted) for row in connection.execute(query).mappings()]


def _inside(box: Box) -> list[ColumnElement[bool]]:
    latitude, longitude = _LATEST.c.latitude_deg, _LATEST.c.longitude_deg
    beyond_west, beyond_east = longitude >= box.west, longitude <= box.east
    across = [or_(beyond_west, beyond_east)] if box.west > box.east else [beyond_west, beyond_east]
    return [latitude >= box.south, latitude <= box.north, *across]
