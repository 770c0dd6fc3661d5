"""One partition of readings, folded in offset order into vehicle states and alerts. Pure: time is in the arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.codec import decode, encode
from contracts.vehicle_state import MARK_PREFIX, Mark, TripTotals, VehicleState, mark_key, merged_totals
from rules.evaluation import evaluate
from rules.healthy import healthy_filter
from rules.moment import Moment
from rules.silence import SilenceWheel, fall_silent, hear_again, is_overdue
from rules.trend import restart, sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contracts.alert import Alert
    from contracts.reading import Reading
    from contracts.vehicle import Vehicle
    from rules.rule import Rules

Record = tuple[bytes, bytes]

NEVER_MS: Final = 2**62
CLOCK_SET_BACK_MS: Final = 60_000
"""A sample that is due later than this is due by a clock that was wrong."""


class PartitionFold:
    """The states of the vehicles of one partition.

    A reading at or below its vehicle's offset is skipped, so any part of the stream may be repeated. Readings drive
    rules only in rising order of (trip_started_at_ms, sequence); others count in totals only.
    """

    def __init__(
        self,
        partition: int,
        rules: Rules,
        *,
        registry: Mapping[str, Vehicle],
        states: dict[str, VehicleState] | None = None,
        clock_ms: int = 0,
    ) -> None:
        """Go on from `states` and `clock_ms` (the latest broker time seen), as `restored` gives them."""
        self.partition = partition
        self.rules = rules
        self.registry = registry
        self.states: dict[str, VehicleState] = {} if states is None else states
        self.clock_ms = clock_ms
        self.dirty: dict[str, None] = {}
        self._is_healthy = healthy_filter(rules)
        self._silence_ms = NEVER_MS if rules.silence is None else rules.silence.for_ms
        self._wheel = SilenceWheel()
        for vehicle_id, state in self.states.items():
            self._watch(vehicle_id, state.newest_received_at_ms)

    @property
    def silence_s(self) -> float | None:
        """The silence rule's T in seconds; None without such a rule."""
        return None if self.rules.silence is None else self.rules.silence.for_ms / 1000

    def advance(self, received_at_ms: int) -> list[Alert]:
        """Move the partition's clock by a record, good or rejected, before it is folded; raise what fell silent."""
        if received_at_ms <= self.clock_ms:
            return []
        self.clock_ms = received_at_ms
        return self._fallen_silent(received_at_ms)

    def at_end(self, now_ms: int) -> list[Alert]:
        """Raise what fell silent while nothing arrives at all.

        The caller's promise: it has read everything for longer than T + 5 s. `now_ms` is the time of day.
        """
        return self._fallen_silent(now_ms)

    def fold(self, reading: Reading, offset: int, received_at_ms: int) -> Sequence[Alert]:
        """Fold one good reading; give the alerts it causes, none for nearly every reading."""
        vehicle_id = reading.vehicle_id
        state = self.states.get(vehicle_id)
        if state is None:
            return self._meet(reading, offset, received_at_ms)
        if offset <= state.offset:
            return ()
        self.dirty[vehicle_id] = None
        newest = state.newest
        trip_started_at_ms = reading.trip_started_at_ms
        if trip_started_at_ms == newest.trip_started_at_ms and reading.sequence > newest.sequence:
            _raise_totals(state.trips[0], reading)
        else:
            _add_totals(state, reading)
            if (trip_started_at_ms, reading.sequence) <= (newest.trip_started_at_ms, newest.sequence):
                _receive(state, offset, received_at_ms)
                return ()
            if trip_started_at_ms != newest.trip_started_at_ms:
                restart(state)
        alerts: list[Alert] | tuple[()] = ()
        if state.silent is not None or self.clock_ms >= state.newest_received_at_ms + self._silence_ms:
            alerts = self._heard(state, received_at_ms, offset)
        _receive(state, offset, received_at_ms)
        state.newest = reading
        state.newest_received_at_ms = received_at_ms
        due_ms = state.sample_due_ms
        at_ms = reading.recorded_at_ms
        is_due = (received_at_ms >= due_ms and at_ms >= due_ms) or at_ms < due_ms - CLOCK_SET_BACK_MS
        is_healthy = not state.episodes and self._is_healthy(reading, self.registry.get(vehicle_id))
        if is_healthy and not is_due:
            return alerts
        moment = self._moment(reading, offset, received_at_ms)
        caused = () if is_healthy else evaluate(state, self.rules, moment)
        return [*alerts, *caused, *(sample(state, self.rules, moment) if is_due else ())]

    def drain(self, limit: int) -> list[Record]:
        """Give up to `limit` changed states as records of `vehicle-states`; older trips are forgotten once given."""
        records: list[Record] = []
        while self.dirty and len(records) < limit:
            vehicle_id = next(iter(self.dirty))
            del self.dirty[vehicle_id]
            state = self.states[vehicle_id]
            records.append((vehicle_id.encode(), encode(state)))
            del state.trips[1:]
        return records

    def mark(self, next_offset: int) -> Record:
        """Give the record that says: every reading below `next_offset` is in the states drained before it."""
        mark = Mark(self.partition, next_offset, self.clock_ms, self.rules.hash)
        return mark_key(self.partition), encode(mark)

    def _meet(self, reading: Reading, offset: int, received_at_ms: int) -> Sequence[Alert]:
        state = VehicleState(
            offset=offset,
            partition=self.partition,
            received_at_ms=received_at_ms,
            newest=reading,
            newest_received_at_ms=received_at_ms,
            trips=[_totals(reading)],
        )
        self.states[reading.vehicle_id] = state
        self.dirty[reading.vehicle_id] = None
        self._watch(reading.vehicle_id, received_at_ms)
        moment = self._moment(reading, offset, received_at_ms)
        is_healthy = self._is_healthy(reading, moment.vehicle)
        return [*(() if is_healthy else evaluate(state, self.rules, moment)), *sample(state, self.rules, moment)]

    def _moment(self, reading: Reading, offset: int, received_at_ms: int) -> Moment:
        return Moment.of(
            reading,
            received_at_ms=received_at_ms,
            partition=self.partition,
            offset=offset,
            vehicle=self.registry.get(reading.vehicle_id),
        )

    def _watch(self, vehicle_id: str, received_at_ms: int) -> None:
        if self.rules.silence is not None:
            self._wheel.put(vehicle_id, received_at_ms + self._silence_ms)

    def _heard(self, state: VehicleState, received_at_ms: int, offset: int) -> list[Alert]:
        """Close a silence by a newer reading; one that has come due but was not yet found is raised first."""
        rule = self.rules.silence
        alerts: list[Alert] = []
        if rule is not None and is_overdue(state, rule.for_ms, self.clock_ms):
            alerts.append(fall_silent(state, rule, self.rules))
        if state.silent is not None:
            alerts.append(hear_again(state, self.rules, received_at_ms=received_at_ms, offset=offset))
        return alerts

    def _fallen_silent(self, now_ms: int) -> list[Alert]:
        rule = self.rules.silence
        if rule is None:
            return []
        alerts: list[Alert] = []
        for vehicle_id in self._wheel.take_due(now_ms):
            state = self.states[vehicle_id]
            if is_overdue(state, rule.for_ms, now_ms):
                alerts.append(fall_silent(state, rule, self.rules))
                self.dirty[vehicle_id] = None
            heard_at_ms = state.newest_received_at_ms
            self._watch(vehicle_id, heard_at_ms if heard_at_ms + rule.for_ms > now_ms else now_ms)
        return alerts


def restored(records: Iterable[tuple[bytes, bytes | None]]) -> tuple[dict[str, VehicleState], Mark | None]:
    """Fold the records of one partition of `vehicle-states`: totals by maximum, all else by the highest offset.

    The order of records does not matter, since a worker that was thought dead may have written last.
    """
    states: dict[str, VehicleState] = {}
    mark: Mark | None = None
    for key, value in records:
        if key.startswith(MARK_PREFIX):
            found = None if value is None else decode(value, Mark)
            if found is not None and (mark is None or found.next_offset > mark.next_offset):
                mark = found
        elif value is None:
            states.pop(key.decode(), None)
        else:
            vehicle_id, state = key.decode(), decode(value, VehicleState)
            before = states.get(vehicle_id)
            states[vehicle_id] = state if before is None else merged_states(before, state)
    for state in states.values():
        del state.trips[1:]
    return states, mark


def merged_states(left: VehicleState, right: VehicleState) -> VehicleState:
    """Merge two writings of one vehicle's state: the higher offset wins, its trips raised by the other's."""
    newer, older = (right, left) if right.offset >= left.offset else (left, right)
    for totals in older.trips:
        _add(newer, totals)
    return newer


def _receive(state: VehicleState, offset: int, received_at_ms: int) -> None:
    state.offset = offset
    if received_at_ms > state.received_at_ms:  # noqa: PLR1730 - max() costs three times as much
        state.received_at_ms = received_at_ms


def _add_totals(state: VehicleState, reading: Reading) -> None:
    _add(state, _totals(reading))
    if state.trips[0].trip_started_at_ms < reading.trip_started_at_ms:  # a new trip is the current one
        state.trips.insert(0, state.trips.pop())


def _add(state: VehicleState, totals: TripTotals) -> None:
    for at, known in enumerate(state.trips):
        if known.trip_started_at_ms == totals.trip_started_at_ms:
            state.trips[at] = merged_totals(known, totals)
            return
    state.trips.append(totals)


def _totals(reading: Reading) -> TripTotals:
    return TripTotals(
        trip_started_at_ms=reading.trip_started_at_ms,
        distance_m=reading.trip_distance_m,
        ended_at_ms=reading.recorded_at_ms,
        fuel_ml=reading.trip_fuel_ml,
        idle_s=reading.trip_idle_s,
    )


def _raise_totals(totals: TripTotals, reading: Reading) -> None:
    """Raise the current trip's totals in place: the way of nearly every reading, so nothing is allocated."""
    if reading.trip_distance_m > totals.distance_m:  # noqa: PLR1730 - as above
        totals.distance_m = reading.trip_distance_m
    if reading.recorded_at_ms > totals.ended_at_ms:  # noqa: PLR1730
        totals.ended_at_ms = reading.recorded_at_ms
    fuel_ml, idle_s = reading.trip_fuel_ml, reading.trip_idle_s
    if fuel_ml is not None and (totals.fuel_ml is None or fuel_ml > totals.fuel_ml):
        totals.fuel_ml = fuel_ml
    if idle_s is not None and (totals.idle_s is None or idle_s > totals.idle_s):
        totals.idle_s = idle_s
