"""What a hot path must have written: one fold of the readings' topic in one process, and its state at every mark."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from aiokafka.structs import ConsumerRecord

from contracts.alert import Alert
from contracts.codec import decode
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.vehicle_state import MARK_PREFIX, Mark, VehicleState
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold

RULES = load_rules(default_rules_file())
AlertEvent = tuple[str, int, str]


def expected_of(records: Iterable[ConsumerRecord]) -> tuple[dict[int, PartitionFold], list[Alert]]:
    """Fold the readings' topic: folds by partition, and all alerts."""
    folds: dict[int, PartitionFold] = {}
    alerts: list[Alert] = []
    for record in records:
        if record.partition not in folds:
            folds[record.partition] = PartitionFold(record.partition, RULES, registry={})
        alerts += fold_record(folds[record.partition], record)
    for fold in folds.values():
        fold.drain(1_000_000)  # forgets older trips, as every writing does
    return folds, alerts


def fold_record(fold: PartitionFold, record: ConsumerRecord) -> list[Alert]:
    """Fold one record of the readings' topic, as a worker would."""
    alerts = fold.advance(record.timestamp)
    try:
        reading, _ = believe(record.value, partition=record.partition, received_at_ms=record.timestamp)
    except MalformedReading:
        return alerts
    return [*alerts, *fold.fold(reading, offset=record.offset, received_at_ms=record.timestamp)]


def assert_marks_hold(
    fold: PartitionFold, readings: list[ConsumerRecord], records: Iterable[ConsumerRecord]
) -> list[str]:
    """Walk through one partition's states, the newest by position; give those that were ahead of a mark."""
    ahead: list[str] = []
    newest: dict[bytes, VehicleState] = {}
    waiting = deque(readings)
    for record in records:
        if not record.key.startswith(MARK_PREFIX):
            state = decode(record.value, VehicleState)
            if record.key not in newest or state.offset >= newest[record.key].offset:
                newest[record.key] = state
            continue
        mark = decode(record.value, Mark)
        while waiting and waiting[0].offset < mark.next_offset:
            fold_record(fold, waiting.popleft())
        for vehicle_id, due in fold.states.items():
            found = newest.get(vehicle_id.encode())
            assert found is not None, f"{vehicle_id} is missing at {mark}"
            assert found.offset >= due.offset, f"{vehicle_id} is behind {mark}"
            if found.offset >= mark.next_offset:
                ahead.append(f"{vehicle_id} at {found.offset}, {mark}")
            else:
                assert (found.newest, found.episodes, found.trips[0]) == (due.newest, due.episodes, due.trips[0])
    return ahead


def identity(alert: Alert) -> AlertEvent:
    """Give what makes an alert event the same event."""
    return alert.alert_id, alert.change, alert.state
