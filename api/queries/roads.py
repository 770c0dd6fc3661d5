"""Road costs and route savings of a published version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import func, select

from api.store import tables
from roads.costs import CostRow

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

SavingScope = Literal["connection", "trip", "vehicle", "model", "fleet"]

_COSTS = tables.batch_road_costs.c
_SAVINGS = tables.batch_route_savings.c
_SUMMED = ("driven_m", "driven_s", "driven_fuel_ml", "expected_fuel_ml", "frugal_fuel_ml", "saved_fuel_ml", "saved_s")


class Saved(NamedTuple):
    """What routes would have saved a group of legs; `key` is what the group is."""

    key: tuple[Any, ...]
    legs: int
    driven_m: float
    driven_s: float
    driven_fuel_ml: float | None
    expected_fuel_ml: float
    frugal_fuel_ml: float
    saved_fuel_ml: float
    saved_s: float


def cost_rows(connection: Connection, version: int) -> list[CostRow]:
    """Give all costs of a version."""
    query = select(*(_COSTS[name] for name in CostRow._fields)).where(_COSTS.version == version)
    return [CostRow(*row) for row in connection.execute(query)]


def traversals(connection: Connection, version: int, vehicle_class: str, time_of_day: str) -> dict[int, int]:
    """Give how often each segment was driven by a class at a time of day."""
    query = select(_COSTS.segment_id, _COSTS.traversals).where(
        _COSTS.version == version, _COSTS.vehicle_class == vehicle_class, _COSTS.time_of_day == time_of_day
    )
    return {row.segment_id: row.traversals for row in connection.execute(query)}


def savings(connection: Connection, version: int, scope: SavingScope, *, limit: int) -> list[Saved]:
    """Give the groups of legs that the frugal routes would have saved most fuel, the most first."""
    keys = _keys(scope)
    sums = [func.sum(_SAVINGS[name]).label(name) for name in _SUMMED]
    source = tables.batch_route_savings
    if scope in {"model", "fleet"}:
        source = source.join(tables.vehicles, tables.vehicles.c.vehicle_id == _SAVINGS.vehicle_id)  # type: ignore[assignment]
    saved = func.sum(_SAVINGS.saved_fuel_ml)
    query = (
        select(*keys, func.count().label("legs"), *sums)
        .select_from(source)
        .where(_SAVINGS.version == version)
        .group_by(*keys)
        .order_by(saved.desc(), *keys)
        .limit(limit)
    )
    return [Saved(tuple(row[: len(keys)]), *row[len(keys) :]) for row in connection.execute(query)]


def _keys(scope: SavingScope) -> list[ColumnElement[Any]]:
    by_scope: dict[SavingScope, list[ColumnElement[Any]]] = {
        "connection": [_SAVINGS.from_vertex_id, _SAVINGS.to_vertex_id],
        "trip": [_SAVINGS.vehicle_id, _SAVINGS.trip_started_at_ms],
        "vehicle": [_SAVINGS.vehicle_id],
        "model": [tables.vehicles.c.model_name],
        "fleet": [tables.vehicles.c.fleet],
    }
    return by_scope[scope]
