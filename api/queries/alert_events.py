"""Alert events by their place in Kafka, as far as the projector has committed them."""

from __future__ import annotations

from collections import Counter
from functools import cache
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, func, literal, select

from api.queries.registered import is_registered_only, registered
from api.store import tables
from contracts.topics import ENGINE_ALERTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Select

_ENOUGH_BYTES: Final = 256 * 1024
"""A page ends with the event that reaches this."""
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
    is_shown: bool
    """False where only alerts of registered vehicles are shown, and this is none."""


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


def count_between(connection: Connection, begin: Sequence[int], end: Sequence[int], *, most: int) -> int:
    """Return the number of events from `begin` up to `end`, or something above `most` if there are more."""
    found = 0
    for partition, (first, after) in enumerate(zip(begin, end, strict=True)):
        if first < after and found <= most:
            given = {"partition": partition, "first": first, "after": after, "most": most + 1}
            found += connection.scalar(_NUMBER, given) or 0
    return found


def events_between(
    connection: Connection, begin: Sequence[int], end: Sequence[int], *, most: int
) -> tuple[list[AlertEvent], tuple[int, ...]]:
    """Return the first events from `begin` up to `end`, at most `most`, and up to where these are all.

    Those of a partition stand in offset order; among partitions they are ordered by the broker's time.
    """
    query = _events(is_registered_only=is_registered_only(connection))
    found: dict[int, list[AlertEvent]] = {}
    for partition, (first, after) in enumerate(zip(begin, end, strict=True)):
        if first < after:
            given = {"partition": partition, "first": first, "after": after, "most": most}
            found[partition] = [AlertEvent(*row) for row in connection.execute(query, given)]
    page = list(_page(merge(*found.values(), key=lambda event: event.available_at_ms), most))
    reached, taken = list(end), Counter(event.partition for event in page)
    for partition, events in found.items():
        if taken[partition] < len(events):
            reached[partition] = events[taken[partition]].record_offset
        elif len(events) == most:
            reached[partition] = events[-1].record_offset + 1
    return page, tuple(reached)


def _page(events: Iterable[AlertEvent], most: int) -> Iterator[AlertEvent]:
    size = 0
    for event in islice(events, most):
        yield event
        size += len(event.event)
        if size >= _ENOUGH_BYTES:
            return


_BETWEEN = (
    _CHANGES.c.partition == bindparam("partition"),
    _CHANGES.c.record_offset >= bindparam("first"),
    _CHANGES.c.record_offset < bindparam("after"),
)
_NUMBER = select(func.count()).select_from(
    select(_CHANGES.c.record_offset).where(*_BETWEEN).limit(bindparam("most")).subquery()
)


@cache
def _events(*, is_registered_only: bool) -> Select[Any]:
    """Return the statement for events of a partition. Those that are not shown count too, so that it ends soon."""
    alerts = tables.alerts.c
    vehicle_id = select(alerts.vehicle_id).where(alerts.alert_id == _CHANGES.c.alert_id).scalar_subquery()
    is_shown = registered(vehicle_id) if is_registered_only else literal(value=True)
    columns = (_CHANGES.c[name] for name in ("partition", "record_offset", "available_at_ms", "event"))
    query = select(*columns, is_shown).where(*_BETWEEN)
    return query.order_by(_CHANGES.c.record_offset).limit(bindparam("most"))
