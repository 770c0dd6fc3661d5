"""Vehicles from the store: the registry beside what was last heard of each."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, exists, func, select

from api.queries.registered import is_registered_only, registered
from api.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select

LONGEST_NAME: Final = 200
"""Characters of a model's or fleet's name that are shown: stores hold what was registered before names had a bound."""
_REGISTRY = tables.vehicles
_LATEST = tables.vehicle_latest


class VehicleFilter(NamedTuple):
    """Which vehicles; None means all."""

    fleet: str | None = None
    model: str | None = None
    silent: bool | None = None

    @property
    def is_indexed(self) -> bool:
        """Tell whether an index leads to those that are wanted, in the order of their VINs."""
        return self.silent is None and (self.fleet is None or self.model is None)


class Known(NamedTuple):
    """A vehicle as registry and latest state know it; either may be missing."""

    vehicle_id: str
    registry: Row[Any] | None
    latest: Row[Any] | None


class Listed(NamedTuple):
    """What lists say of a vehicle; None is not known."""

    vehicle_id: str
    model: str | None
    fleet: str | None
    is_silent: bool
    last_received_at_ms: int | None


def vehicle_ids(connection: Connection, wanted: VehicleFilter, *, after: str | None, limit: int) -> list[str]:
    """Give VINs in rising order, of vehicles registered or heard of."""
    given = {name: value for name, value in wanted._asdict().items() if value is not None} | {"limit": limit}
    if after is not None:
        given["after"] = after
    found: list[str] = []
    # To be silent is to have an open alert.
    is_of_registered = wanted.silent is True and is_registered_only(connection)
    for query in _pages(frozenset(given), silent=wanted.silent, is_of_registered=is_of_registered):
        found += connection.scalars(query, given)
    return sorted(set(found))[:limit]


@cache
def _pages(given: frozenset[str], *, silent: bool | None, is_of_registered: bool) -> list[Select[tuple[str]]]:
    pages = []
    for query in _sources(given, silent=silent, is_of_registered=is_of_registered):
        column = query.selected_columns[0]
        page = query.where(column > bindparam("after")) if "after" in given else query
        pages.append(page.order_by(column).limit(bindparam("limit")))
    return pages


def _sources(given: frozenset[str], *, silent: bool | None, is_of_registered: bool) -> list[Select[tuple[str]]]:
    """Give queries whose union is wanted; each runs along an index, which their UNION would not."""
    columns = {"fleet": _REGISTRY.c.fleet, "model": _REGISTRY.c.model_name}
    named = [column == bindparam(name) for name, column in columns.items() if name in given]
    entered = select(_REGISTRY.c.vehicle_id).where(*named)
    heard = select(_LATEST.c.vehicle_id)
    if silent is None:
        return [entered] if named else [entered, heard]
    heard = heard.where(_LATEST.c.is_silent == bindparam("silent"))
    if is_of_registered:
        heard = heard.where(registered(_LATEST.c.vehicle_id))
    if named:
        heard = heard.join(_REGISTRY, _REGISTRY.c.vehicle_id == _LATEST.c.vehicle_id).where(*named)
    is_heard_of = exists().where(_LATEST.c.vehicle_id == _REGISTRY.c.vehicle_id)
    return [heard] if silent else [heard, entered.where(~is_heard_of)]


_ENTRY = select(_REGISTRY).where(_REGISTRY.c.vehicle_id == bindparam("vehicle_id"))
_STATE = select(_LATEST).where(_LATEST.c.vehicle_id == bindparam("vehicle_id"))
_NAMES = select(
    _REGISTRY.c.vehicle_id,
    func.substr(_REGISTRY.c.model_name, 1, LONGEST_NAME),
    func.substr(_REGISTRY.c.fleet, 1, LONGEST_NAME),
).where(_REGISTRY.c.vehicle_id.in_(bindparam("vehicle_ids", expanding=True)))
_HEARD = select(_LATEST.c.vehicle_id, _LATEST.c.is_silent, _LATEST.c.received_at_ms).where(
    _LATEST.c.vehicle_id.in_(bindparam("vehicle_ids", expanding=True))
)


def known(connection: Connection, vehicle_id: str) -> Known | None:
    """Give one vehicle, None when nobody has heard of it."""
    asked = {"vehicle_id": vehicle_id}
    registry, latest = (connection.execute(query, asked).one_or_none() for query in (_ENTRY, _STATE))
    return Known(vehicle_id, registry, latest) if registry or latest else None


def listed(connection: Connection, vehicle_ids: Sequence[str]) -> list[Listed]:
    """Give what lists say of these vehicles, in this order; of those nobody has heard of, only the VIN."""
    registered = names_of(connection, vehicle_ids)
    heard = {
        vehicle_id: (is_silent, at_ms)
        for vehicle_id, is_silent, at_ms in connection.execute(_HEARD, {"vehicle_ids": vehicle_ids})
    }
    nothing = (None, None)
    return [
        Listed._make((vehicle_id, *registered.get(vehicle_id, nothing), *heard.get(vehicle_id, (False, None))))
        for vehicle_id in vehicle_ids
    ]


def names_of(connection: Connection, vehicle_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give (model, fleet) of those of these vehicles that are registered."""
    rows = connection.execute(_NAMES, {"vehicle_ids": vehicle_ids})
    return {vehicle_id: (model, fleet) for vehicle_id, model, fleet in rows}


def count_vehicles(connection: Connection) -> dict[str, int]:
    """Return how many are registered, heard of, silent, and heard of but not watched."""
    silent = select(func.count()).select_from(_LATEST).where(_LATEST.c.is_silent)
    if is_registered_only(connection):  # a silent vehicle is one with an open alert
        silent = silent.where(registered(_LATEST.c.vehicle_id))
    queries = {
        "registered": select(func.count()).select_from(_REGISTRY),
        "heard": select(func.count()).select_from(_LATEST),
        "silent": silent,
        "unwatched": select(func.sum(tables.marks.c.unwatched)),
    }
    return {name: connection.scalar(query) or 0 for name, query in queries.items()}
