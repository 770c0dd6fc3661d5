"""One partition of readings, folded in offset order into vehicle states and alerts. Pure: time is in the arguments."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from contracts.codec import encode
from contracts.vehicle_state import Mark, VehicleState, mark_key
from rules.followed import Followed
from rules.judge import Judge
from rules.limits import HOUR_MS, MOST_TRIPS, Newcomers, SharedWork, trim
from rules.moment import Moment
from rules.passing import FastLane
from rules.rule import FOLD_VERSION
from rules.silence import SilenceWheel, fall_silent, hear_again, is_overdue
from rules.totals import count_in, totals_of
from rules.trend import restart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from contracts.alert import Alert
    from contracts.reading import Reading
    from contracts.vehicle import Vehicle
    from rules.passing import AnyKeyed
    from rules.rule import Rules

Record = tuple[bytes, bytes]

NEVER_MS: Final = 2**62


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
        mark: Mark | None = None,
    ) -> None:
        """Go on from `states` and `mark`, as `restored` returns them."""
        self.partition = partition
        self.rules = rules
        self.registry = registry
        self.clock_ms = 0 if mark is None else mark.received_at_ms
        """The latest broker time seen."""
        self.dirty: deque[Followed] = deque()
        """Vehicles whose state has changed since it was last drained, the longest ago first."""
        self.spilled: deque[Record] = deque()
        """States that had to be written earlier, before some of their trips were forgotten."""
        self._since_offset = _since_offset(mark, rules)
        self.newcomers = Newcomers.of(mark, most=rules.new_vehicles_an_hour)
        self.judge = Judge(rules, registry=registry, work=SharedWork.of(mark))
        self._unwatched = sum(state.refused_hour is not None for state in (states or {}).values())
        self._vehicles: dict[bytes, Followed] = {}
        self._lane = FastLane(rules, registry=registry, vehicles=self._vehicles, dirty=self.dirty, sample=self._sampled)
        self._silence_ms = NEVER_MS if rules.silence is None else rules.silence.for_ms
        self._wheel: SilenceWheel[Followed] = SilenceWheel()
        trends = {rule.name for rule in rules.trends}
        for state in (states or {}).values():
            trim(state)
            state.trends = [trend for trend in state.trends if trend.key in trends]
            self._follow(state)

    @property
    def states(self) -> dict[str, VehicleState]:
        """The vehicles' states as of now, by VIN."""
        return {followed.vehicle_id: followed.settle() for followed in self._vehicles.values()}

    @property
    def passed(self) -> int:
        """The number of readings that `unusual` has let pass, since the beginning."""
        return self._lane.passed

    def vehicle_count(self) -> int:
        """Count the vehicles that were ever heard."""
        return len(self._vehicles)

    @property
    def unwatched(self) -> int:
        """The number of vehicles of which only totals are kept, as there were too many new ones."""
        return self._unwatched

    @property
    def unwritten(self) -> int:
        """The number of records that draining would return now."""
        return len(self.spilled) + len(self.dirty)

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

    def unusual(self, records: Iterable[AnyKeyed], received_at_ms: int, alerts: list[Alert]) -> Iterator[AnyKeyed]:
        """Fold the healthy readings among records at almost no cost; give, in order, those that need a full look.

        Each is to be folded or rejected before the next is asked for; the clock was moved before. Alerts that a healthy
        reading causes (a trend's) are added to `alerts` when its turn is over.
        """
        return self._lane.unusual(records, received_at_ms, alerts, silent_from_ms=self.clock_ms - self._silence_ms)

    def fold(self, reading: Reading, offset: int, received_at_ms: int) -> Sequence[Alert]:
        """Fold one good reading by a full look at it; give the alerts that it causes."""
        followed = self._vehicles.get(reading.vehicle_id.encode())
        if followed is None:
            return self._meet(reading, offset, received_at_ms)
        state = followed.state
        if offset <= followed.offset:
            self._count_again(state, offset, received_at_ms)
            return ()
        followed.settle()
        alerts = self._look(state, reading, offset, received_at_ms)
        if len(state.trips) > MOST_TRIPS:
            self._spill(followed)
        self._changed(followed)
        followed.looked()
        return alerts

    def _look(self, state: VehicleState, reading: Reading, offset: int, received_at_ms: int) -> Sequence[Alert]:
        if state.refused_hour is not None:
            self._try_again(state, offset, received_at_ms)
        newest = state.newest
        count_in(state, reading)
        if (reading.trip_started_at_ms, reading.sequence) <= (newest.trip_started_at_ms, newest.sequence):
            _receive(state, offset, received_at_ms)
            return ()
        if reading.trip_started_at_ms != newest.trip_started_at_ms:
            restart(state)
        alerts = self._heard(state, received_at_ms, offset)
        _receive(state, offset, received_at_ms)
        state.newest = reading
        state.newest_received_at_ms = received_at_ms
        if state.refused_hour is not None:
            return alerts
        return [*alerts, *self._judged(state, reading, offset, received_at_ms)]

    def _judged(self, state: VehicleState, reading: Reading, offset: int, received_at_ms: int) -> list[Alert]:
        moment = self._moment(reading, offset, received_at_ms)
        return self.judge.alerts(state, moment, clock_ms=self._clock_at(received_at_ms))

    def _clock_at(self, received_at_ms: int) -> int:
        """Return the partition's clock at a reading."""
        return max(self.clock_ms, received_at_ms)

    def drain(self, limit: int) -> list[Record]:
        """Give up to `limit` changed states as records of `vehicle-states`; older trips are forgotten once given."""
        records: list[Record] = []
        while self.spilled and len(records) < limit:
            records.append(self.spilled.popleft())
        while self.dirty and len(records) < limit:
            followed = self.dirty.popleft()
            followed.is_changed = False
            records.append((followed.vehicle_id.encode(), followed.written()))
            del followed.state.trips[1:]
        return records

    def mark(self, next_offset: int, topic_id: str | None = None) -> Record:
        """Give the record that says: every reading below `next_offset` is in the states drained before it."""
        mark = Mark(
            partition=self.partition,
            next_offset=next_offset,
            received_at_ms=self.clock_ms,
            rules_hash=self.rules.hash,
            fold_version=FOLD_VERSION,
            since_offset=self._since_offset,
            new_hour=self.newcomers.hour,
            new_vehicles=self.newcomers.count,
            unwatched=self._unwatched,
            work_us=self.judge.work.work_us,
            code_work_us=self.judge.work.code_work_us,
            work_at_ms=self.judge.work.at_ms,
            topic_id=topic_id,
        )
        return mark_key(self.partition), encode(mark)

    def _meet(self, reading: Reading, offset: int, received_at_ms: int) -> Sequence[Alert]:
        state = VehicleState(
            offset=offset,
            partition=self.partition,
            received_at_ms=received_at_ms,
            newest=reading,
            newest_received_at_ms=received_at_ms,
            trips=[totals_of(reading)],
        )
        followed = self._follow(state)
        self._admit(state, offset, received_at_ms)
        is_watched = state.refused_hour is None
        alerts = self._judged(state, reading, offset, received_at_ms) if is_watched else []
        self._changed(followed)
        followed.looked()
        return alerts

    def _admit(self, state: VehicleState, offset: int, received_at_ms: int) -> None:
        """Watch a vehicle from this reading on if there is room for one more new one in this hour."""
        clock_ms = self._clock_at(received_at_ms)
        is_admitted = self.newcomers.admit(clock_ms, offset)
        self._unwatched += (not is_admitted) - (state.refused_hour is not None)
        state.refused_hour = None if is_admitted else clock_ms // HOUR_MS
        if is_admitted:
            state.watched_from_offset = offset

    def _try_again(self, state: VehicleState, offset: int, received_at_ms: int) -> None:
        assert state.refused_hour is not None  # noqa: S101 - the caller has looked
        if self._clock_at(received_at_ms) // HOUR_MS > state.refused_hour:
            self._admit(state, offset, received_at_ms)

    def _count_again(self, state: VehicleState, offset: int, received_at_ms: int) -> None:
        """Count what a reading took whose vehicle's state was written by a worker that died before its mark was."""
        if offset == state.watched_from_offset and offset >= self.newcomers.counted_to:
            self.newcomers.admit(self._clock_at(received_at_ms), offset)
        self.judge.count_again(state, offset, clock_ms=self._clock_at(received_at_ms))

    def _spill(self, followed: Followed) -> None:
        """Write a state before its older trips are forgotten: totals are never lost, and never many at once."""
        self.spilled.append((followed.vehicle_id.encode(), followed.written()))
        del followed.state.trips[1:]

    def _sampled(self, followed: Followed, reading: Reading, offset: int, received_at_ms: int) -> Sequence[Alert]:
        """Sample a vehicle at a healthy reading that has passed."""
        state, moment = followed.counted(), self._moment(reading, offset, received_at_ms)
        alerts = self.judge.sampled(state, moment, clock_ms=self._clock_at(received_at_ms))
        followed.sampled()
        return alerts

    def _follow(self, state: VehicleState) -> Followed:
        followed = Followed.of(state)
        self._vehicles[followed.vehicle_id.encode()] = followed
        self._watch(followed, state.newest_received_at_ms)
        return followed

    def _changed(self, followed: Followed) -> None:
        if not followed.is_changed:
            followed.is_changed = True
            self.dirty.append(followed)

    def _moment(self, reading: Reading, offset: int, received_at_ms: int) -> Moment:
        return Moment.of(
            reading,
            received_at_ms=received_at_ms,
            partition=self.partition,
            offset=offset,
            vehicle=self.registry.get(reading.vehicle_id),
        )

    def _watch(self, followed: Followed, received_at_ms: int) -> None:
        if self.rules.silence is not None:
            self._wheel.put(followed, received_at_ms + self._silence_ms)

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
        for followed in self._wheel.take_due(now_ms):
            heard_at_ms = followed.received_at_ms
            if now_ms >= heard_at_ms + rule.for_ms and is_overdue(followed.settle(), rule.for_ms, now_ms):
                alerts.append(fall_silent(followed.state, rule, self.rules))
                self._changed(followed)
                followed.looked()
            self._watch(followed, heard_at_ms if heard_at_ms + rule.for_ms > now_ms else now_ms)
        return alerts


def _since_offset(mark: Mark | None, rules: Rules) -> int:
    """Return the first offset that these rules and this version of the fold have judged."""
    if mark is None:
        return 0
    is_same = (mark.rules_hash, mark.fold_version) == (rules.hash, FOLD_VERSION)
    return mark.since_offset if is_same else mark.next_offset


def _receive(state: VehicleState, offset: int, received_at_ms: int) -> None:
    state.offset = offset
    state.received_at_ms = max(state.received_at_ms, received_at_ms)
