"""Kafka records in, work for the store out. It knows neither Kafka nor the store."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from api.episode import Action, Change
from api.projector.flush import FlushBuffer
from api.projector.work import Rejected, Told, Work
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
from contracts.topics import (
    ALERT_ACTIONS,
    ENGINE_ALERTS,
    REJECTED_READINGS,
    VEHICLE_ERASURES,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle import VIN
from runtime.kafka.passed_over import PassedOver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from api.projector.work import Position
    from contracts.record import Record
    from contracts.record_checks import Ends

log = logging.getLogger(__name__)


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
        for buffer in touched.values():
            for flush in buffer.take_early():
                log.warning("states written before their mark", extra={"partition": flush.partition})
                work.add_flush(flush)
            if marked := buffer.take():
                work.add_flush(marked)
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
