"""Rejected readings from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select, tuple_

from api.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

_REJECTED = tables.rejected
_ORDER = (_REJECTED.c.received_at_ms, _REJECTED.c.partition, _REJECTED.c.record_offset)


class RejectedFilter(NamedTuple):
    """Which ones; None means all."""

    reason: str | None = None
    vehicle_id: str | None = None


def rejected_readings(
    connection: Connection, wanted: RejectedFilter, *, after: Sequence[int] | None, limit: int
) -> Sequence[Row[Any]]:
    """Give them by falling (received_at_ms, partition, offset), beginning after those values."""
    query = select(_REJECTED)
    for name, value in wanted._asdict().items():
        if value is not None:
            query = query.where(_REJECTED.c[name] == value)
    if after is not None:
        query = query.where(tuple_(*_ORDER) < tuple_(*after))
    return connection.execute(query.order_by(*(column.desc() for column in _ORDER)).limit(limit)).all()


def times_rejected(connection: Connection, sha256: str, vehicle_id: str | None) -> int:
    """Give how often these bytes of this vehicle were rejected; those told together have none."""
    same = (_REJECTED.c.sha256 == sha256, _REJECTED.c.vehicle_id.is_not_distinct_from(vehicle_id))
    return connection.scalar(select(func.count()).select_from(_REJECTED).where(*same)) or 0
