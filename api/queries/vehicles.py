"""Vehicles from the store: the registry beside what was last heard of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from api.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select

_REGISTRY = tables.vehicles
_LATEST = tables.vehicle_latest


class VehicleFilter(NamedTuple):
    """Which vehicles; None means all."""

    fleet: str | None = None
    model: str | None = None
    silent: bool | None = None


class Known(NamedTuple):
    """A vehicle as registry and latest state know it; either may be missing."""

    vehicle_id: str
    registry: Row[Any] | None
    latest: Row[Any] | None


def vehicle_ids(connection: Connection, wanted: VehicleFilter, *, after: str | None, limit: int) -> list[str]:
    """Give VINs in rising order, of vehicles registered or heard of."""
    pages: list[str] = []
    for query in _sources(wanted):
        column = query.selected_columns[0]
        page = query.where(column > after) if after is not None else query
        pages += connection.scalars(page.order_by(column).limit(limit))
    return sorted(set(pages))[:limit]


def _sources(wanted: VehicleFilter) -> list[Select[tuple[str]]]:
    """Give queries whose union is wanted; each runs along an index, which their UNION would not."""
    registered = select(_REGISTRY.c.vehicle_id)
    heard = select(_LATEST.c.vehicle_id)
    if wanted.silent is not None:
        heard = heard.where(_LATEST.c.is_silent == wanted.silent)
    named = [
        column == value
        for column, value in ((_REGISTRY.c.fleet, wanted.fleet), (_REGISTRY.c.model_name, wanted.model))
        if value is not None
    ]
    if not named:
        return [heard] if wanted.silent is not None else [registered, heard]
    if wanted.silent is None:
        return [registered.where(*named)]
    return [heard.join(_REGISTRY, _REGISTRY.c.vehicle_id == _LATEST.c.vehicle_id).where(*named)]


def known(connection: Connection, vehicle_ids: Sequence[str]) -> list[Known]:
    """Give these vehicles, in this order, without those that nobody has heard of."""
    registry = _by_id(connection, select(_REGISTRY).where(_REGISTRY.c.vehicle_id.in_(vehicle_ids)))
    latest = _by_id(connection, select(_LATEST).where(_LATEST.c.vehicle_id.in_(vehicle_ids)))
    return [
        Known(vehicle_id, registry.get(vehicle_id), latest.get(vehicle_id))
        for vehicle_id in vehicle_ids
        if vehicle_id in registry or vehicle_id in latest
    ]


def _by_id(connection: Connection, query: Select[Any]) -> dict[str, Row[Any]]:
    return {row.vehicle_id: row for row in connection.execute(query)}


def count_vehicles(connection: Connection) -> dict[str, int]:
    """Give how many are registered, heard of, silent."""
    silent = select(func.count()).select_from(_LATEST).where(_LATEST.c.is_silent)
    queries = {
        "registered": select(func.count()).select_from(_REGISTRY),
        "heard": select(func.count()).select_from(_LATEST),
        "silent": silent,
    }
    return {name: connection.scalar(query) or 0 for name, query in queries.items()}
