"""Fuel efficiency from the store, merged in SQL as `api.merge` defines it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import msgspec
from sqlalchemy import BigInteger, Float, and_, bindparam, case, cast, func, literal, or_, select, union_all

from api.merge import Contribution
from api.store import tables
from api.store.dialect import by_code_point, by_column, greater
from contracts.definitions import SHORTEST_RANKED_TRIP_M

if TYPE_CHECKING:
    from datetime import date

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


class RankedList(Sequence[Ranked]):
    """A whole ranking in order; it stays in columns, as there may be 100,000 places and a page needs 50."""

    def __init__(
        self, keys: list[str], trips: list[int], distance_m: list[int], fuel_ml: list[int], values: list[float]
    ) -> None:
        """Wrap columns of one length."""
        self._keys = keys
        self._trips = trips
        self._distance_m = distance_m
        self._fuel_ml = fuel_ml
        self._values = values

    def __len__(self) -> int:
        """Give how many are ranked."""
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Ranked: ...
    @overload
    def __getitem__(self, at: slice) -> list[Ranked]: ...

    def __getitem__(self, at: int | slice) -> Ranked | list[Ranked]:
        """Give one place, or several."""
        places = range(len(self))[at]
        return self._place(places) if isinstance(places, int) else list(map(self._place, places))

    def _place(self, at: int) -> Ranked:
        total = Contribution(self._trips[at], self._distance_m[at], self._fuel_ml[at])
        return Ranked(at + 1, self._keys[at], total, self._values[at])

    def beyond(self, order: Literal["best", "worst"], value: float, key: str) -> int:
        """Give the index of the first place after (value, key)."""
        sign = 1 if order == "best" else -1
        places = range(len(self))
        return bisect_right(places, (sign * value, key), key=lambda at: (sign * self._values[at], self._keys[at]))


def ranked(connection: Connection, ranking: Ranking) -> RankedList:
    """Give a whole ranking in order: by value, then by key as code points."""
    query = _by_litres(ranking) if ranking.by == "litres" else _by_index(ranking)
    rows = query.subquery()
    value = rows.c.value if ranking.order == "best" else rows.c.value.desc()
    keys, *sums, values = by_column(connection, select(rows).order_by(value, by_code_point(connection, rows.c.key)))
    trips, distance_m, fuel_ml = (msgspec.json.decode(one, type=list[int]) for one in sums)
    return RankedList(
        msgspec.json.decode(keys, type=list[str]),
        trips,
        distance_m,
        fuel_ml,
        msgspec.json.decode(values, type=list[float]),
    )


def _by_litres(ranking: Ranking) -> Select[Any]:
    sums = _summed(ranking).c
    whole = [cast(sums[name], BigInteger).label(name) for name in ("trips", "distance_m", "fuel_ml")]
    value = cast(sums.fuel_ml, Float) / cast(sums.distance_m, Float)
    query = select(sums.key, *whole, value.label("value"))
    return query.where(sums.distance_m >= ranking.shortest_distance_m, sums.distance_m > 0)


def _by_index(ranking: Ranking) -> Select[Any]:
    index = _INDEXES[ranking.by]
    query = _batch_sums(ranking, ranking.scope).add_columns(index.label("value"))
    return query.where(index.is_not(None), _BATCH.c.distance_m >= ranking.shortest_distance_m)


_INDEXES_OF = select(_BATCH.c.key, *_INDEXES.values()).where(
    *(_BATCH.c[name] == bindparam(name) for name in ("version", "scope", "period_kind", "period")),
    _BATCH.c.key.in_(bindparam("keys", expanding=True)),
)


def indexes_of(connection: Connection, ranking: Ranking, keys: Sequence[str]) -> dict[str, Indexes]:
    """Give what the batch view knows beside, by key."""
    given = {
        "version": ranking.version or 0,
        "scope": ranking.scope,
        "period_kind": ranking.period.kind,
        "period": ranking.period.name,
        "keys": keys,
    }
    return {key: Indexes(*indexes) for key, *indexes in connection.execute(_INDEXES_OF, given)}


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


_DAYS = tables.batch_vehicle_days.c
_DAYS_OF = (
    select(_DAYS.day, _DAYS.ranked_trips, _DAYS.fuelled_distance_m, _DAYS.fuel_ml)
    .where(_DAYS.version == bindparam("version"), _DAYS.vehicle_id == bindparam("vehicle_id"), _DAYS.ranked_trips > 0)
    .order_by(_DAYS.day)
)


def batch_days(connection: Connection, vehicle_id: str, *, version: int | None) -> list[tuple[date, Contribution]]:
    """Give what one vehicle's days add to its fuel efficiency, as the batch version has them, in order."""
    rows = connection.execute(_DAYS_OF, {"version": version or 0, "vehicle_id": vehicle_id})
    return [(day, Contribution(*sums)) for day, *sums in rows]
