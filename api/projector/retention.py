"""What is too old to be kept in the store: cleared alerts, trips, vehicles that nobody hears of, rejections."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, select

from api.store import tables
from api.store.dialect import delete_some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Engine, Table

_DAY_MS = 86_400_000
_AT_ONCE = 2_000
"""Rows a transaction, so that alerts are written in between."""


class Retention(NamedTuple):
    """Days that each is kept; 0 keeps it for ever."""

    alerts_days: int
    trips_days: int
    positions_days: int
    rejected_days: int

    def steps(self, engine: Engine, now_ms: int) -> Iterator[int]:
        """Delete what is too old, one transaction a step; give the number of rows each deleted."""
        alerts, trips = tables.alerts.c, tables.speed_trips.c
        if self.alerts_days:
            yield from _alerts(
                engine, (~alerts.is_open) & (alerts.available_at_ms < now_ms - self.alerts_days * _DAY_MS)
            )
        if self.trips_days:
            yield from _rows(engine, tables.speed_trips, trips.ended_at_ms < now_ms - self.trips_days * _DAY_MS)
        if self.positions_days:
            heard = tables.vehicle_latest.c.received_at_ms
            yield from _rows(engine, tables.vehicle_latest, heard < now_ms - self.positions_days * _DAY_MS)
        if self.rejected_days:
            received = tables.rejected.c.received_at_ms
            yield from _rows(engine, tables.rejected, received < now_ms - self.rejected_days * _DAY_MS)


def _alerts(engine: Engine, are_old: ColumnElement[bool]) -> Iterator[int]:
    while True:
        with engine.begin() as connection:
            old = list(connection.scalars(select(tables.alerts.c.alert_id).where(are_old).limit(_AT_ONCE // 10)))
            for table in (tables.alert_changes, tables.alert_actions, tables.alerts):
                connection.execute(delete(table).where(table.c.alert_id.in_(old)))
        if not old:
            return
        yield len(old)


def _rows(engine: Engine, table: Table, are_old: ColumnElement[bool]) -> Iterator[int]:
    while True:
        with engine.begin() as connection:
            deleted = delete_some(connection, table, are_old, most=_AT_ONCE)
        if not deleted:
            return
        yield deleted
