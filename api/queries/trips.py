"""Trips from the store: batch rows, speed rows, and both of one vehicle's trips for the merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from api.merge import merged_trip
from api.store import tables
from contracts.vehicle_state import TripTotals

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select, Table

    from api.merge import View

_NAMES = ("trip_started_at_ms", "distance_m", "ended_at_ms", "fuel_ml", "idle_s")


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
    batch = _rows(
        connection,
        _query(tables.batch_trips, vehicle_id, before_ms, limit).where(tables.batch_trips.c.version == (version or 0)),
    )
    speed = _rows(connection, _query(tables.speed_trips, vehicle_id, before_ms, limit))
    starts = sorted(batch.keys() | speed.keys(), reverse=True)[:limit]
    return [BothLayers(batch.get(start), speed.get(start)) for start in starts]


def _query(table: Table, vehicle_id: str, before_ms: int | None, limit: int | None) -> Select[tuple[int, ...]]:
    query = select(*(table.c[name] for name in _NAMES)).where(table.c.vehicle_id == vehicle_id)
    if before_ms is not None:
        query = query.where(table.c.trip_started_at_ms < before_ms)
    return query.order_by(table.c.trip_started_at_ms.desc()).limit(limit)


def _rows(connection: Connection, query: Select[tuple[int, ...]]) -> dict[int, TripTotals]:
    return {row.trip_started_at_ms: TripTotals(**row._mapping) for row in connection.execute(query)}  # noqa: SLF001
