"""Trips from the store: batch rows, speed rows, and both of one vehicle's trips for the merge."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select

from api.merge import merged_trip
from api.store import tables
from contracts.vehicle_state import TripTotals

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select, Table

    from api.merge import View

_NAMES = TripTotals.__struct_fields__


class BothLayers(NamedTuple):
    """One trip as each layer knows it."""

    batch: TripTotals | None
    speed: TripTotals | None

    def seen(self, view: View) -> TripTotals | None:
        """Give the trip in a view; None when that view does not know it."""
        return {"batch": self.batch, "speed": self.speed}.get(view, merged_trip(self.batch, self.speed))


def trips_of(
    connection: Connection,
    vehicle_id: str,
    *,
    version: int | None,
    before_ms: int | None = None,
    limit: int | None = None,
) -> list[BothLayers]:
    """Give a vehicle's trips, latest start first; with `limit` only as many, with `before_ms` only older ones."""
    given = {"vehicle_id": vehicle_id, "version": version or 0, "before_ms": before_ms, "limit": limit}
    given = {name: value for name, value in given.items() if value is not None}
    batch, speed = (
        {row[0]: TripTotals(*row) for row in connection.execute(query, given)} for query in _queries(frozenset(given))
    )
    starts = sorted(batch.keys() | speed.keys(), reverse=True)[:limit]
    return [BothLayers(batch.get(start), speed.get(start)) for start in starts]


@cache
def _queries(given: frozenset[str]) -> tuple[Select[Any], Select[Any]]:
    """Give the statements for batch and speed layer, made once for what is given."""
    batch = _query(tables.batch_trips, given).where(tables.batch_trips.c.version == bindparam("version"))
    return batch, _query(tables.speed_trips, given)


def _query(table: Table, given: frozenset[str]) -> Select[Any]:
    query = select(*(table.c[name] for name in _NAMES)).where(table.c.vehicle_id == bindparam("vehicle_id"))
    if "before_ms" in given:
        query = query.where(table.c.trip_started_at_ms < bindparam("before_ms"))
    query = query.order_by(table.c.trip_started_at_ms.desc())
    return query.limit(bindparam("limit")) if "limit" in given else query
