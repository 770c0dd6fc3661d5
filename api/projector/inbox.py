"""Kafka records in, one transaction's work out. It knows neither Kafka nor the store."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from api.episode import Action, Change
from api.projector.flush import Flush, FlushBuffer
from contracts.alert import Alert, AlertAction
from contracts.codec import decode
from contracts.errors import MalformedRecord
from contracts.rejection import Rejection, from_headers
from contracts.topics import (
    ALERT_ACTIONS,
    ENGINE_ALERTS,
    REJECTED_READINGS,
    VEHICLE_ERASURES,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle import VIN, Erasure, Vehicle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.headers import Headers

log = logging.getLogger(__name__)

ENOUGH_STATES: Final = 300
"""In one transaction, unless one flush has more: an alert that comes meanwhile waits for it."""
Position = tuple[str, int]
"""A topic's name and one of its partitions."""


class Record(NamedTuple):
    """One Kafka record, as far as the projector cares; `at_ms` is the broker's time."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Told(NamedTuple):
    """An alert's change, and where its record stands in engine-alerts."""

    change: Change
    partition: int
    record_offset: int


class Rejected(NamedTuple):
    """A rejection, where its record stands, and the vehicle it claims to be from if its key is a VIN."""

    rejection: Rejection
    partition: int
    record_offset: int
    vehicle_id: str | None


@dataclass(slots=True)
class Work:
    """What one transaction writes: rows, and the positions they bring the store to."""

    changes: list[Told] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    vehicles: dict[str, Vehicle | None] = field(default_factory=dict)
    """By VIN; None is taken out of the registry."""
    erasures: dict[str, int] = field(default_factory=dict)
    """By VIN the broker's time before which nothing may be known of it."""
    rejected: list[Rejected] = field(default_factory=list)
    flushes: list[Flush] = field(default_factory=list)
    positions: dict[Position, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self.positions)

    def parts(self) -> Iterator[Work]:
        """Give transactions that amount to this, in order: what people wait for first, then some flushes at a time."""
        flushed = {(VEHICLE_STATES.name, flush.mark.partition) for flush in self.flushes}
        positions = {at: offset for at, offset in self.positions.items() if at not in flushed}
        if positions:
            yield replace(self, flushes=[], positions=positions)
        part = Work()
        for flush in self.flushes:
            at = (VEHICLE_STATES.name, flush.mark.partition)
            part.flushes.append(flush)
            part.positions[at] = self.positions[at]
            if sum(len(one.states) for one in part.flushes) >= ENOUGH_STATES:
                yield part
                part = Work()
        if part:
            yield part


class Inbox:
    """Sorts records by topic; holds vehicle states back until their marks."""

    def __init__(self) -> None:
        """Start with nothing held."""
        self._buffers: dict[int, FlushBuffer] = {}

    def take(self, records: Iterable[Record]) -> Work:
        """Give what these records make ready. Records of a partition must come in offset order, each once."""
        work = Work()
        touched: dict[int, FlushBuffer] = {}
        for record in records:
            if record.topic == VEHICLE_STATES.name:
                touched[record.partition] = self._hold(record)
                continue
            work.positions[record.topic, record.partition] = record.offset + 1
            with _passing_over_malformed(record):
                _sort(record, work)
        for partition, buffer in touched.items():
            if flush := buffer.take():
                work.flushes.append(flush)
                work.positions[VEHICLE_STATES.name, partition] = flush.position
        return work

    def _hold(self, record: Record) -> FlushBuffer:
        buffer = self._buffers.setdefault(record.partition, FlushBuffer(record.partition))
        with _passing_over_malformed(record):
            buffer.add(record.offset, record.key, record.value)
        return buffer


@contextmanager
def _passing_over_malformed(record: Record) -> Iterator[None]:
    try:
        yield
    except MalformedRecord as error:
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        log.warning("record passed over", extra=where | {"reason": str(error)})


def _sort(record: Record, work: Work) -> None:
    if record.topic == REJECTED_READINGS.name:
        work.rejected.append(_rejected(record))
    elif record.value is None:
        if record.topic == VEHICLES.name and record.key is not None:
            work.vehicles[record.key[:64].decode("ascii", "replace")] = None
    elif record.topic == ENGINE_ALERTS.name:
        change = Change(decode(record.value, Alert), record.at_ms)
        work.changes.append(Told(change, record.partition, record.offset))
    elif record.topic == ALERT_ACTIONS.name:
        work.actions.append(Action(decode(record.value, AlertAction), record.at_ms))
    elif record.topic == VEHICLE_ERASURES.name:
        work.erasures[decode(record.value, Erasure).vehicle_id] = record.at_ms
    elif record.topic == VEHICLES.name:
        vehicle = decode(record.value, Vehicle)
        work.vehicles[vehicle.vehicle_id] = vehicle


def _rejected(record: Record) -> Rejected:
    key = (record.key or b"")[:64].decode("ascii", "replace")
    vehicle_id = key if VIN.fullmatch(key) else None
    return Rejected(from_headers(record.headers), record.partition, record.offset, vehicle_id)
