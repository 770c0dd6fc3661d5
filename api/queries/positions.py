"""Where vehicles are: the newest position of each, inside a box."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, func, or_, select, true

from api.queries.registered import is_registered_only, registered
from api.store import tables
from contracts.alert import SEVERITIES, Severity
from contracts.codec import decode
from contracts.topics import READING_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

_LATEST, _ALERTS = tables.vehicle_latest, tables.alerts


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


class Seen(msgspec.Struct, gc=False):
    """Of a reading what a map shows of it; the rest is not decoded."""

    speed_kmh: float
    heading_deg: float | None = None


class Position(NamedTuple):
    """A vehicle's newest reading with its place; `severity` is that of its worst open alert."""

    vehicle_id: str
    recorded_at_ms: int
    received_at_ms: int
    latitude_deg: float
    longitude_deg: float
    seen: Seen
    is_silent: bool
    severity: Severity | None


_LATITUDE, _LONGITUDE = _LATEST.c.latitude_deg, _LATEST.c.longitude_deg
_WORST = (
    select(func.max(_ALERTS.c.severity_rank))
    # `== true()`, as SQLite seeks along an index only where a column is compared with something.
    .where(_ALERTS.c.is_open == true(), _ALERTS.c.vehicle_id == _LATEST.c.vehicle_id)
    .scalar_subquery()
)
_POSITIONS = select(
    _LATEST.c.vehicle_id,
    _LATEST.c.recorded_at_ms,
    _LATEST.c.newest_received_at_ms,
    _LATITUDE,
    _LONGITUDE,
    _LATEST.c.reading,
    _LATEST.c.is_silent,
    _WORST,
)
_POSITIONS_OF = _POSITIONS.where(
    _LATEST.c.vehicle_id.in_(bindparam("vehicle_ids", expanding=True)), _LATITUDE.is_not(None)
).order_by(_LATEST.c.vehicle_id)


def positions(
    connection: Connection, box: Box, *, fleet: str | None, after: str | None, limit: int
) -> Sequence[Position]:
    """Give vehicles with a known position by rising VIN, beginning after a VIN."""
    given = box._asdict() | {"limit": limit}
    given |= {name: value for name, value in (("fleet", fleet), ("after", after)) if value is not None}
    query = _page(frozenset(given), is_across=box.west > box.east, is_registered_only=is_registered_only(connection))
    return _read(connection.execute(query, given))


@cache
def _page(given: frozenset[str], *, is_across: bool, is_registered_only: bool) -> Select[Any]:
    query = select(_LATEST.c.vehicle_id).where(*_inside(is_across=is_across))
    if is_registered_only:
        query = query.where(registered(_LATEST.c.vehicle_id))
    if "fleet" in given:
        registry = tables.vehicles.c
        members = select(registry.vehicle_id).where(registry.fleet == bindparam("fleet"))
        query = query.where(_LATEST.c.vehicle_id.in_(members))
    if "after" in given:
        query = query.where(_LATEST.c.vehicle_id > bindparam("after"))
    # First who is there, along the index, then what is known of those on the page.
    page = query.order_by(_LATEST.c.vehicle_id).limit(bindparam("limit")).subquery()
    return _POSITIONS.where(_LATEST.c.vehicle_id.in_(select(page.c.vehicle_id))).order_by(_LATEST.c.vehicle_id)


def _inside(*, is_across: bool) -> list[ColumnElement[bool]]:
    """Give what holds inside a box, whose edges are parameters; `is_across` the 180th meridian."""
    beyond_west, beyond_east = bindparam("west") <= _LONGITUDE, bindparam("east") >= _LONGITUDE
    across = [or_(beyond_west, beyond_east)] if is_across else [beyond_west, beyond_east]
    return [bindparam("south") <= _LATITUDE, bindparam("north") >= _LATITUDE, *across]


def positions_of(connection: Connection, vehicle_ids: Sequence[str]) -> Sequence[Position]:
    """Give these vehicles' positions by rising VIN, at most some thousands."""
    query = _POSITIONS_OF.where(registered(_LATEST.c.vehicle_id)) if is_registered_only(connection) else _POSITIONS_OF
    return _read(connection.execute(query, {"vehicle_ids": vehicle_ids}))


def _read(rows: Iterable[Any]) -> Sequence[Position]:
    return [
        Position._make((*place, decode(reading.encode(), Seen), is_silent, None if rank is None else SEVERITIES[rank]))
        for *place, reading, is_silent, rank in rows
    ]


def marked_offsets(connection: Connection) -> tuple[int, ...]:
    """Give per partition of vehicle-readings up to where positions are known."""
    marks = tables.marks
    query = select(marks.c.partition, marks.c.next_offset)
    reached = {row.partition: row.next_offset for row in connection.execute(query)}
    return tuple(reached.get(partition, 0) for partition in range(READING_PARTITIONS))


def known_places(connection: Connection, *, since: Sequence[int] | None) -> list[Place]:
    """Give where vehicles are: all, or those with a reading at or beyond these offsets."""
    registry = tables.vehicles
    alerted = set(connection.scalars(select(_ALERTS.c.vehicle_id).where(_ALERTS.c.is_open == true()).distinct()))
    names = ("vehicle_id", "partition", "source_offset", "latitude_deg", "longitude_deg")
    query = select(*(_LATEST.c[name] for name in names), registry.c.fleet).select_from(
        _LATEST.outerjoin(registry, registry.c.vehicle_id == _LATEST.c.vehicle_id)
    )
    query = query.where(_LATEST.c.latitude_deg.is_not(None), _LATEST.c.longitude_deg.is_not(None))
    if is_registered_only(connection):
        query = query.where(registry.c.vehicle_id.is_not(None))
    if since is not None:
        beyond = ((_LATEST.c.partition == n) & (_LATEST.c.source_offset >= offset) for n, offset in enumerate(since))
        query = query.where(or_(*beyond))
    return [Place(**row, is_alerted=row["vehicle_id"] in alerted) for row in connection.execute(query).mappings()]
