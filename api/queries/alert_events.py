"""Alert events by their place in Kafka, as far as the projector has committed them."""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from api.store import tables
from contracts.topics import ENGINE_ALERTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_CHANGES = tables.alert_changes
_NEXT = select(tables.consumed.c.partition, tables.consumed.c.next_offset).where(
    tables.consumed.c.topic == ENGINE_ALERTS.name
)


class AlertEvent(NamedTuple):
    """One event, where it stands in engine-alerts, and the broker's time of it; `event` is the record's JSON."""

    partition: int
    record_offset: int
    available_at_ms: int
    event: str


def next_offsets(connection: Connection) -> tuple[int, ...]:
    """Give per partition of engine-alerts up to where the store has it."""
    reached = {partition: next_offset for partition, next_offset in connection.execute(_NEXT)}  # noqa: C416 - rows, not tuples
    return tuple(reached.get(partition, 0) for partition in range(ENGINE_ALERTS.partitions))


def first_offsets(connection: Connection) -> dict[int, int]:
    """Give per partition the offset of the oldest event in the store, where there is one."""
    oldest = {
        partition: connection.scalar(
            select(func.min(_CHANGES.c.record_offset)).where(_CHANGES.c.partition == partition)
        )
        for partition in range(ENGINE_ALERTS.partitions)
    }
    return {partition: offset for partition, offset in oldest.items() if offset is not None}


def events_between(
    connection: Connection, begin: Sequence[int], end: Sequence[int], *, most: int
) -> tuple[list[AlertEvent], tuple[int, ...]]:
    """Give the events from `begin` up to `end`, at most `most` of a partition, and up to where these are all.

    Those of a partition stand in offset order; among partitions they are ordered by the broker's time.
    """
    events, reached = [], list(end)
    for partition, (first, after) in enumerate(zip(begin, end, strict=True)):
        if first < after:
            found = _of_partition(connection, partition, first, after, most)
            events.append(found)
            reached[partition] = found[-1].record_offset + 1 if len(found) == most else after
    return list(merge(*events, key=lambda event: event.available_at_ms)), tuple(reached)


def _of_partition(connection: Connection, partition: int, first: int, after: int, most: int) -> list[AlertEvent]:
    query = (
        select(*(_CHANGES.c[name] for name in AlertEvent._fields))
        .where(_CHANGES.c.partition == partition, _CHANGES.c.record_offset >= first, _CHANGES.c.record_offset < after)
        .order_by(_CHANGES.c.record_offset)
        .limit(most)
    )
    return [AlertEvent(*row) for row in connection.execute(query)]
