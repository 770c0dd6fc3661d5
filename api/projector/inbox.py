"""Kafka records in, one transaction's work out. It knows neither Kafka nor the store."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from api.episode import Action, Change
from api.projector.flush import Flush, FlushBuffer
from contracts.errors import MalformedRecord
from contracts.record_checks import (
    action_in,
    alert_in,
    erasure_in,
    rejection_in,
    vehicle_id_of,
    vehicle_in,
    written_in,
)
from contracts.rejection import Rejection
from contracts.topics import (
    ALERT_ACTIONS,
    ENGINE_ALERTS,
    REJECTED_READINGS,
    VEHICLE_ERASURES,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle import VIN, Vehicle
from runtime.kafka.passed_over import PassedOver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from contracts.record import Record
    from contracts.record_checks import Ends

ENOUGH_STATES: Final = 300
"""In one transaction, unless one flush has more: an alert that comes meanwhile waits for it."""
Position = tuple[str, int]
"""A topic's name and one of its partitions."""


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

    def is_long(self) -> bool:
        """Tell whether this may take so long that alerts have come meanwhile."""
        return bool(self.flushes or self.rejected)

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
    """Sorts records by topic; holds vehicle states back until their marks. What cannot be true is passed over."""

    def __init__(self) -> None:
        """Start with nothing held."""
        self._buffers: dict[int, FlushBuffer] = {}
        self._positions: dict[Position, int] = {}
        self._passed_over = PassedOver()

    def take(self, records: Iterable[Record], ends: Ends | None) -> Work:
        """Give what these records make ready. Records of a partition must come in offset order, each once.

        `ends` are those of the readings, looked up after the records were fetched; None leaves offsets unjudged.
        """
        work = Work()
        touched: dict[int, FlushBuffer] = {}
        for record in records:
            if record.topic == VEHICLE_STATES.name:
                touched[record.partition] = self._hold(record, ends)
                continue
            work.positions[record.topic, record.partition] = record.offset + 1
            with self._passing_over(record):
                _sort(record, ends, work)
        for partition, buffer in touched.items():
            if flush := buffer.take():
                work.flushes.append(flush)
                work.positions[VEHICLE_STATES.name, partition] = flush.position
        self._positions |= work.positions
        return work

    def reached(self, positions: Mapping[Position, int]) -> Work:
        """Return the positions alone to which a consumer has come by records that never reach it or wait for no mark.

        Such are aborted ones, whole batches that are passed over, and garbage where there is no mark.
        """
        beyond = {
            at: offset
            for at, offset in positions.items()
            if offset > self._positions.get(at, 0) and not self._waits_for_mark(at)
        }
        self._positions |= beyond
        return Work(positions=beyond)

    def _waits_for_mark(self, at: Position) -> bool:
        topic, partition = at
        buffer = self._buffers.get(partition) if topic == VEHICLE_STATES.name else None
        return buffer is not None and not buffer.is_empty

    def _hold(self, record: Record, ends: Ends | None) -> FlushBuffer:
        buffer = self._buffers.setdefault(record.partition, FlushBuffer(record.partition))
        written = None
        with self._passing_over(record):
            written = written_in(record, ends)
        buffer.add(record.offset, written)
        return buffer

    @contextmanager
    def _passing_over(self, record: Record) -> Iterator[None]:
        try:
            yield
        except MalformedRecord as error:
            self._passed_over.tell(record.topic, record.partition, record.offset, error)


def _sort(record: Record, ends: Ends | None, work: Work) -> None:
    if record.topic == REJECTED_READINGS.name:
        work.rejected.append(_rejected(record, ends))
    elif record.topic == ENGINE_ALERTS.name:
        change = Change(alert_in(record, ends), record.at_ms)
        work.changes.append(Told(change, record.partition, record.offset))
    elif record.topic == ALERT_ACTIONS.name:
        if (action := action_in(record)) is not None:
            work.actions.append(Action(action, record.at_ms))
    elif record.topic == VEHICLE_ERASURES.name:
        if (erasure := erasure_in(record)) is not None:
            work.erasures[erasure.vehicle_id] = record.at_ms
    elif record.topic == VEHICLES.name:
        vehicle = vehicle_in(record)
        work.vehicles[vehicle_id_of(record)] = vehicle


def _rejected(record: Record, ends: Ends | None) -> Rejected:
    key = (record.key or b"")[:64].decode("ascii", "replace")
    vehicle_id = key if VIN.fullmatch(key) else None
    return Rejected(rejection_in(record, ends), record.partition, record.offset, vehicle_id)
