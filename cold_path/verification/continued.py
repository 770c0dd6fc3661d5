"""History from where the hot path stood when its rules or its code changed: states of an older fold, later readings.

The version's own history begins with nothing, so that it cannot be held against alerts of episodes that were open, or
about to be, when the hot path took an older fold's states over. Here the same states are taken over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cold_path.source import broker
from cold_path.source.registry import registry_now
from cold_path.verification.alerts import AlertEvent, Event, Pair, Span
from contracts.codec import decode
from contracts.errors import MalformedReading, MalformedRecord
from contracts.plausibility import believe
from contracts.record_checks import written_in
from contracts.vehicle_state import MARK_PREFIX, Mark
from rules import Rules, default_rules_file, load_rules
from rules.partition import PartitionFold
from rules.rule import FOLD_VERSION
from rules.written import restored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cold_path.settings import Verify
    from contracts.record import Record
    from contracts.record_checks import Ends
    from contracts.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class ContinuedHistory:
    """The events of the partitions of which the states at the change are still known."""

    events: dict[Event, AlertEvent] = field(default_factory=dict)
    partitions: frozenset[int] = frozenset()


class StatesAtChange:
    """What one partition of `vehicle-states` held at the last mark before a pair began to judge."""

    def __init__(self, pair: Pair, since_offset: int) -> None:
        """Look for the mark at `since_offset`, behind which `pair` began."""
        self._pair = pair
        self._since_offset = since_offset
        self._next_record = 0
        self._is_whole = True
        self._has_changed = False
        self._newest: dict[bytes, bytes | None] = {}
        self._unmarked: dict[bytes, bytes | None] = {}
        self._mark: Mark | None = None

    def take(self, offset: int, key: bytes, value: bytes | None) -> None:
        """Take the next record in offset order."""
        if self._has_changed:
            return
        self._is_whole = self._is_whole and offset == self._next_record
        self._next_record = offset + 1
        if not key.startswith(MARK_PREFIX):
            self._unmarked[key] = value
            return
        try:
            mark = decode(value or b"", Mark)
        except MalformedRecord:
            return
        if Pair(mark.rules_hash, mark.fold_version) == self._pair and mark.since_offset == self._since_offset:
            self._has_changed = True
            return
        self._newest |= self._unmarked
        self._unmarked = {}
        self._mark = mark

    def fold(self, partition: int, rules: Rules, registry: Mapping[str, Vehicle]) -> PartitionFold | None:
        """Return a fold that goes on from there; None where compaction has taken records since."""
        if not (self._is_whole and self._has_changed and self._mark):
            return None
        if self._mark.next_offset != self._since_offset:
            return None
        states, _ = restored(self._newest.items(), refused=lambda _key, _error: None)
        return PartitionFold(partition, rules, registry=registry, states=states, mark=self._mark)


async def continued_history(asked: Verify, pair: Pair, spans: Mapping[int, Span]) -> ContinuedHistory:
    """Return what `pair` raises at the offsets of `spans`, each partition from the states at its first offset on.

    Nothing of partitions whose states are gone, and of none where the rule file asked for is not that of the pair.
    """
    rules = load_rules(asked.rules or default_rules_file())
    if not spans or pair != (rules.hash, FOLD_VERSION):
        return ContinuedHistory()
    registry = await registry_now(asked.bootstrap, asked.vehicles_topic, wait_s=asked.wait)
    folds = {
        partition: fold
        for partition, states in (await _states_at_change(asked, pair, spans)).items()
        if (fold := states.fold(partition, rules, registry.vehicles)) is not None
    }
    events: dict[Event, AlertEvent] = {}
    ends = {partition: spans[partition][1] for partition in folds}
    async for record in broker.readings(asked.bootstrap, asked.readings_topic, ends, wait_s=asked.wait):
        if record.offset >= spans[record.partition][0]:
            events |= _events(folds[record.partition], record.value, record.offset, record.at_ms)
    return ContinuedHistory(events, frozenset(folds))


async def _states_at_change(asked: Verify, pair: Pair, spans: Mapping[int, Span]) -> dict[int, StatesAtChange]:
    found = {partition: StatesAtChange(pair, first) for partition, (first, _) in spans.items()}
    known = (await broker.bounds(asked.bootstrap, asked.states_topic, wait_s=asked.wait)).ends
    ends = {partition: known.get(partition, 0) for partition in spans}
    readings = await broker.bounds(asked.bootstrap, asked.readings_topic, wait_s=asked.wait)
    async for record in broker.records(asked.bootstrap, asked.states_topic, ends, wait_s=asked.wait):
        found[record.partition].take(record.offset, *_believed(record, readings.ends | readings.held))
    return found


def _believed(record: Record, ends: Ends) -> tuple[bytes, bytes | None]:
    """Return key and value of a record; of nobody, where it cannot be true."""
    try:
        written_in(record, ends)
    except MalformedRecord:
        return b"", None
    return record.key or b"", record.value


def _events(fold: PartitionFold, value: bytes | None, offset: int, received_at_ms: int) -> dict[Event, AlertEvent]:
    alerts = fold.advance(received_at_ms)
    try:
        reading, _ = believe(value, fold.partition, received_at_ms)
    except MalformedReading:
        pass
    else:
        alerts += fold.fold(reading, offset, received_at_ms)
    events = map(AlertEvent.of, alerts)
    return {event.event: event for event in events}
