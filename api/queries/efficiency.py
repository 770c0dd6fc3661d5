"""Fuel efficiency from the store, merged in SQL as `api.merge` defines it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import and_, case, func, literal, or_, select, union_all

from api.merge import Contribution
from api.store import tables
from api.store.dialect import greater
from contracts.definitions import SHORTEST_RANKED_TRIP_M

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select, Subquery

    from api.merge import View
    from api.period import Period
    from contracts.definitions import Scope

_BATCH = tables.batch_fuel_efficiency
_SPEED = tables.speed_trips
_TRIPS = tables.batch_trips


By = Literal["litres", "index", "driver"]
"""What is ranked by: L/100 km; the efficiency index; the driver's. Of each the lowest is best."""
_INDEXES: dict[str, ColumnElement[Any]] = {"index": _BATCH.c.efficiency_index, "driver": _BATCH.c.driver_index}


class Ranked(NamedTuple):
    """A row of a ranking; `rank` counts from 1 in the order asked for."""

    rank: int
    key: str
    total: Contribution
    value: float


class Indexes(NamedTuple):
    """What the batch view knows beside: 100 is par, less is better; None where the physics are not known."""

    efficiency_index: float | None
    driver_index: float | None


NO_INDEXES = Indexes(None, None)


class Ranking(NamedTuple):
    """What is ranked: a view of a period by scope, from a distance on, best (lowest) or worst first."""

    scope: Scope
    view: View
    period: Period
    version: int | None
    order: Literal["best", "worst"]
    shortest_distance_m: int
    by: By = "litres"
    """By an index only what the batch view knows is ranked."""


def ranked(connection: Connection, ranking: Ranking) -> list[Ranked]:
    """Give a whole ranking in order."""
    valued = _by_litres(connection, ranking) if ranking.by == "litres" else _by_index(connection, ranking)
    sign = 1 if ranking.order == "best" else -1
    valued.sort(key=lambda place: (sign * place[0], place[1]))
    return [Ranked(rank, key, total, value) for rank, (value, key, total) in enumerate(valued, start=1)]


def _by_index(connection: Connection, ranking: Ranking) -> list[tuple[float, str, Contribution]]:
    index = _INDEXES[ranking.by]
    query = _batch_sums(ranking, ranking.scope).add_columns(index.label("value"))
    query = query.where(index.is_not(None), _BATCH.c.distance_m >= ranking.shortest_distance_m)
    return [
        (row.value, row.key, Contribution(row.trips, row.distance_m, row.fuel_ml)) for row in connection.execute(query)
    ]


def indexes_of(connection: Connection, ranking: Ranking, keys: Sequence[str]) -> dict[str, Indexes]:
    """Give what the batch view knows beside, by key."""
    query = select(_BATCH.c.key, *_INDEXES.values()).where(*_of_batch(ranking, ranking.scope), _BATCH.c.key.in_(keys))
    return {key: Indexes(*indexes) for key, *indexes in connection.execute(query)}


def _by_litres(connection: Connection, ranking: Ranking) -> list[tuple[float, str, Contribution]]:
    sums = _summed(ranking)
    query = select(sums).where(sums.c.distance_m >= ranking.shortest_distance_m, sums.c.distance_m > 0)
    totals = [
        (row.key, Contribution(int(row.trips), int(row.distance_m), int(row.fuel_ml)))
        for row in connection.execute(query)
    ]
    return [(total.fuel_ml / total.distance_m, key, total) for key, total in totals]


def _summed(ranking: Ranking) -> Subquery:
    """Sum up by key: columns key, trips, distance_m, fuel_ml."""
    if ranking.view == "batch":
        return _batch_sums(ranking, ranking.scope).subquery()
    live = _corrections(ranking) if ranking.view == "merged" else _speed_sums(ranking)
    parts = [_batch_sums(ranking, "vehicle"), live] if ranking.view == "merged" else [live]
    # Model and fleet are summed over their vehicles, by the registry of now, so that both layers mean the same cars.
    rows = union_all(*parts).subquery()
    key: ColumnElement[str] = rows.c.key
    source: Any = rows
    if ranking.scope != "vehicle":
        key = tables.vehicles.c.model_name if ranking.scope == "model" else tables.vehicles.c.fleet
        source = rows.join(tables.vehicles, tables.vehicles.c.vehicle_id == rows.c.key)
    sums = (func.sum(rows.c[name]).label(name) for name in ("trips", "distance_m", "fuel_ml"))
    return select(key.label("key"), *sums).select_from(source).group_by(key).subquery()


def _batch_sums(ranking: Ranking, scope: Scope) -> Select[Any]:
    query = select(_BATCH.c.key, _BATCH.c.trips, _BATCH.c.distance_m, _BATCH.c.fuel_ml)
    return query.where(*_of_batch(ranking, scope))


def _of_batch(ranking: Ranking, scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return (
        _BATCH.c.version == (ranking.version or 0),
        _BATCH.c.scope == scope,
        _BATCH.c.period_kind == ranking.period.kind,
        _BATCH.c.period == ranking.period.name,
    )


def _in_period(period: Period) -> ColumnElement[bool]:
    started = _SPEED.c.trip_started_at_ms
    from_on = started >= period.from_ms
    return from_on if period.until_ms is None else and_(from_on, started < period.until_ms)


def _speed_sums(ranking: Ranking) -> Select[Any]:
    counts = _counts(_SPEED.c.distance_m, _SPEED.c.fuel_ml)
    sums = (func.sum(expression).label(name) for name, expression in counts.items())
    query = select(_SPEED.c.vehicle_id.label("key"), *sums).where(_in_period(ranking.period))
    return query.group_by(_SPEED.c.vehicle_id)


def _corrections(ranking: Ranking) -> Select[Any]:
    """Give per vehicle the sum over trips with live speed rows of (contribution of maximum - of batch row).

    A speed row below the version's covered offset is in the batch row already and adds nothing, so it is left out.
    """
    covered = tables.version_offsets
    merged = _counts(greater(_SPEED.c.distance_m, _TRIPS.c.distance_m), greater(_SPEED.c.fuel_ml, _TRIPS.c.fuel_ml))
    batch = _counts(_TRIPS.c.distance_m, _TRIPS.c.fuel_ml)
    sums = (func.sum(merged[name] - batch[name]).label(name) for name in merged)
    version = literal(ranking.version or 0)
    trip = and_(
        _TRIPS.c.version == version,
        _TRIPS.c.vehicle_id == _SPEED.c.vehicle_id,
        _TRIPS.c.trip_started_at_ms == _SPEED.c.trip_started_at_ms,
    )
    same_partition = and_(covered.c.version == version, covered.c.partition == _SPEED.c.partition)
    source = _SPEED.outerjoin(covered, same_partition).outerjoin(_TRIPS, trip)
    is_live = or_(covered.c.next_offset.is_(None), _SPEED.c.source_offset >= covered.c.next_offset)
    query = select(_SPEED.c.vehicle_id.label("key"), *sums).select_from(source)
    return query.where(is_live, _in_period(ranking.period)).group_by(_SPEED.c.vehicle_id)


def _counts(distance_m: ColumnElement[Any], fuel_ml: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """Give `api.merge.contribution` in SQL."""
    counts = and_(fuel_ml.is_not(None), distance_m >= SHORTEST_RANKED_TRIP_M)
    return {
        "trips": case((counts, 1), else_=0),
        "distance_m": case((counts, distance_m), else_=0),
        "fuel_ml": case((counts, fuel_ml), else_=0),
    }


def batch_periods(
    connection: Connection, vehicle_id: str, *, kind: str, version: int | None
) -> dict[str, Contribution]:
    """Give one vehicle's batch aggregates by period name."""
    query = select(_BATCH.c.period, _BATCH.c.trips, _BATCH.c.distance_m, _BATCH.c.fuel_ml).where(
        _BATCH.c.version == (version or 0),
        _BATCH.c.scope == "vehicle",
        _BATCH.c.key == vehicle_id,
        _BATCH.c.period_kind == kind,
    )
    return {row.period: Contribution(row.trips, row.distance_m, row.fuel_ml) for row in connection.execute(query)}
