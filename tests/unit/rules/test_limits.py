from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest
from demanding import (
    PARTITION,
    a_clock_that_jumps,
    a_hot_engine,
    a_trip_each,
    codes_from,
    codes_that_come_and_go,
    demanding_stream,
    many_cars_that_come_and_go,
    many_cars_with_codes,
    new_codes_in_pairs,
    strangers,
)
from disturbed import Record
from driving import REGISTERED, RULES, START_MS, VIN, Drive, a_reading

from contracts.alert import Alert
from contracts.codec import decode, encode
from contracts.errors import InvalidRules, MalformedRecord
from contracts.plausibility import believe
from contracts.reading import Reading
from contracts.vehicle_state import (
    MOST_CODE_WORK_US,
    MOST_SHARED_WORK_US,
    Charge,
    Mark,
    TripTotals,
    VehicleState,
    merged_totals,
)
from rules import default_rules_file, limits, load_rules, parse_rules, with_room_for
from rules.limits import FEW_CODE_EPISODES, HOUR_MS, MANY_CODES, MOST_CODE_EPISODES, MOST_TRIPS, SET_APART
from rules.partition import PartitionFold
from rules.rule import FOLD_VERSION
from rules.written import restored

FEW = replace(RULES, new_vehicles_an_hour=3)
BOUND = "new_vehicles_an_hour = 1000"
MOST_STATE_BYTES = 64 * 1024


class Partition:
    """Folds readings that are received at the time given, and counts their offsets."""

    def __init__(self, rules: Any = RULES) -> None:
        self.fold = PartitionFold(PARTITION, rules, registry={VIN: REGISTERED})
        self.offsets = count()

    def take(self, readings: Iterable[Reading], *, at_ms: int = START_MS + 30 * HOUR_MS) -> list[Alert]:
        alerts = list(self.fold.advance(at_ms))
        for reading in readings:
            alerts += self.fold.fold(reading, next(self.offsets), at_ms)
        return alerts

    def state(self, vin: str = VIN) -> VehicleState:
        return self.fold.states[vin]


def rules_told(alerts: list[Alert]) -> Counter[tuple[str, str]]:
    return Counter((alert.rule, alert.state) for alert in alerts)


def test_codes_beyond_the_limit_are_not_followed_and_that_is_told_once() -> None:
    partition = Partition()
    told = rules_told(partition.take(new_codes_in_pairs(800)))
    codes = [episode for episode in partition.state().episodes if episode.trouble_code]
    assert len(codes) <= MOST_CODE_EPISODES
    assert told[MANY_CODES.name, "raised"] == 1


def test_a_signal_rule_is_not_crowded_out_by_codes() -> None:
    partition = Partition()
    readings = [a_reading(s, coolant_c=116.0, trouble_codes=codes_from(s // 3)) for s in range(12)]
    assert rules_told(partition.take(readings))["coolant_over_temperature", "raised"] == 1


def test_that_codes_are_beyond_the_limit_ends_when_there_has_been_room_for_a_minute() -> None:
    drive = Drive()
    drive.read(*(a_reading(s, trouble_codes=(*codes_from(0), *codes_from(1))[s : s + 64]) for s in range(0, 70, 5)))
    drive.read(*(a_reading(s) for s in range(100, 400, 5)))
    told = [(rule, state) for rule, _, state in drive.told() if rule == MANY_CODES.name]
    assert told == [(MANY_CODES.name, "raised"), (MANY_CODES.name, "cleared")]


def test_codes_that_leave_make_room_for_others() -> None:
    partition = Partition()
    first = [a_reading(s, trouble_codes=codes_from(0)) for s in range(3)]
    gone = [a_reading(s) for s in range(4, 100, 5)]
    second = [a_reading(s, trouble_codes=codes_from(1)) for s in range(101, 104)]
    raised = [a for a in partition.take([*first, *gone, *second]) if a.state == "raised"]
    assert len(raised) == 2 * MOST_CODE_EPISODES


def test_a_vehicle_that_takes_more_than_its_share_is_set_apart_and_its_totals_stay_right() -> None:
    partition = Partition()
    readings = list(codes_that_come_and_go(4_000))
    told = rules_told(partition.take(readings))
    state = partition.state()
    assert told[SET_APART.name, "raised"] == 1
    assert sum(told.values()) < 1_500
    assert state.newest == readings[-1]
    assert state.trips[0].distance_m == max(reading.trip_distance_m for reading in readings)
    assert state.trips[0].fuel_ml == max(reading.trip_fuel_ml or 0 for reading in readings)


def test_a_vehicle_set_apart_is_judged_again_when_it_has_calmed() -> None:
    partition = Partition()
    partition.take(codes_that_come_and_go(4_000))
    later = [a_reading(90_000 + s, coolant_c=116.0) for s in range(8)]
    told = rules_told(partition.take(later, at_ms=START_MS + 31 * HOUR_MS))
    assert told[SET_APART.name, "cleared"] == told["coolant_over_temperature", "raised"] == 1
    assert partition.state().apart is None


def test_an_alert_that_is_open_for_hours_does_not_set_a_vehicle_apart() -> None:
    partition = Partition()
    assert SET_APART.name not in {rule for rule, _ in rules_told(partition.take(a_hot_engine(10 * 3_600)))}


@pytest.mark.parametrize(
    "demand", [new_codes_in_pairs, codes_that_come_and_go, a_clock_that_jumps, a_trip_each, a_hot_engine]
)
def test_a_state_stays_small_whatever_one_vehicle_sends(demand: Any) -> None:
    partition = Partition()
    partition.take(demand(2_000))
    assert len(encode(partition.state())) < MOST_STATE_BYTES
    assert len(partition.state().trips) <= MOST_TRIPS
    assert len(partition.state().samples) <= 12


def test_trips_that_a_state_forgets_are_written_before() -> None:
    partition = Partition()
    readings = list(a_trip_each(500))
    partition.take(readings)
    written: dict[int, TripTotals] = {}
    for _, value in partition.fold.drain(partition.fold.unwritten):
        for totals in decode(value, VehicleState).trips:
            known = written.get(totals.trip_started_at_ms)
            written[totals.trip_started_at_ms] = totals if known is None else merged_totals(known, totals)
    assert {at: totals.distance_m for at, totals in written.items()} == {
        reading.trip_started_at_ms: reading.trip_distance_m for reading in readings
    }


def test_a_state_from_before_these_limits_is_brought_within_them_but_for_open_episodes() -> None:
    partition = Partition()
    partition.take([a_reading(s, trouble_codes=codes_from(0)) for s in range(5)])
    state = partition.state()
    more = [msgspec.structs.replace(episode, key=f"{episode.key}x", phase="pending") for episode in state.episodes]
    state.episodes += [msgspec.structs.replace(episode, key=f"{episode.key}y") for episode in state.episodes] + more
    state.samples = state.samples * 50
    fold = PartitionFold(PARTITION, RULES, registry={}, states={VIN: state})
    [trimmed] = fold.states.values()
    assert {episode.phase for episode in trimmed.episodes} == {"open"}
    assert len(trimmed.episodes) == 2 * MOST_CODE_EPISODES
    assert len(trimmed.samples) == 12


def newcomers(vins: Iterable[str], *, second: int = 0, **signals: Any) -> Iterator[Reading]:
    for vin in vins:
        reading = a_reading(second, **signals)
        reading.vehicle_id = vin
        yield reading


def test_of_new_vehicles_beyond_the_bound_only_totals_are_kept() -> None:
    partition = Partition(FEW)
    vins, alerts = strangers(10), []
    for second in range(10):
        alerts += partition.take(newcomers(vins, second=second, coolant_c=116.0))
    assert {alert.vehicle_id for alert in alerts} == set(vins[:3])
    assert {partition.state(vin).trips[0].distance_m for vin in vins} == {9 * 16}
    assert partition.fold.unwatched == 7


def test_vehicles_that_are_not_watched_do_not_fall_silent() -> None:
    partition = Partition(FEW)
    partition.take(newcomers(strangers(10)))
    silent = partition.fold.advance(START_MS + 31 * HOUR_MS)
    assert {alert.vehicle_id for alert in silent} == set(strangers(3))


def test_vehicles_beyond_the_bound_are_watched_when_a_later_hour_has_room() -> None:
    partition = Partition(FEW)
    vins = strangers(5)
    partition.take(newcomers(vins))
    partition.take(newcomers(vins, second=1), at_ms=START_MS + 31 * HOUR_MS)
    assert partition.fold.unwatched == 0


def test_the_bound_is_kept_over_a_restart_wherever_it_falls() -> None:
    vins = strangers(8)
    readings = [reading for second in range(3) for reading in newcomers(vins, second=second)]
    whole = Partition(FEW)
    whole.take(readings)
    for marked in range(len(readings)):
        for written in range(marked, len(readings)):
            first = Partition(FEW)
            first.take(readings[:marked])
            records = [*first.fold.drain(100), first.fold.mark(marked)]
            first.take(readings[marked:written])
            records += first.fold.drain(100)  # killed before their mark
            states, mark = restored(records)
            second = Partition(FEW)
            second.fold = PartitionFold(PARTITION, FEW, registry={}, states=states, mark=mark)
            second.offsets = count(max(0, marked - 2))
            second.take(readings[max(0, marked - 2) :])
            assert second.fold.states == whole.fold.states
            assert second.fold.mark(99) == whole.fold.mark(99)


def is_of_a_code(alert: Alert) -> bool:
    return alert.rule.endswith("_code")


def alerts_of(alerts: list[Alert], vin: str) -> Counter[tuple[str, str]]:
    return rules_told([alert for alert in alerts if alert.vehicle_id == vin])


def test_many_cars_that_raise_all_codes_at_once_are_told_few_of_each_and_an_honest_one_all_of_its_own() -> None:
    partition = Partition()
    *vins, honest = strangers(901)
    alerts: list[Alert] = []
    for second in (0, 2, 5):
        alerts += partition.take(newcomers(vins, second=second, trouble_codes=codes_from(0)))
        alerts += partition.take(newcomers([honest], second=second, trouble_codes=("P0301", "U0100"), coolant_c=116.0))
    assert 1_000 < sum(map(is_of_a_code, alerts)) <= 1_000 + 63 + 901 * FEW_CODE_EPISODES
    assert MANY_CODES.name not in {alert.rule for alert in alerts}
    told = alerts_of(alerts, honest)
    assert told["misfire_code", "raised"] == told["network_code", "raised"] == 1
    assert told["coolant_over_temperature", "raised"] == 1
    assert partition.fold.judge.codes_waiting > 900


def test_codes_that_waited_are_followed_when_the_partition_has_room() -> None:
    partition = Partition()
    vins, raised = strangers(60), Counter[str]()
    for step in range(12):
        readings = newcomers(vins, second=4 * step, trouble_codes=codes_from(0))
        alerts = partition.take(readings, at_ms=START_MS + 30 * HOUR_MS + 6_000 * step)
        assert len(alerts) <= 1_000 + 63 + len(vins) * FEW_CODE_EPISODES
        raised.update(alert.vehicle_id for alert in alerts if alert.state == "raised")
    assert raised == dict.fromkeys(vins, MOST_CODE_EPISODES)


def test_codes_that_are_followed_are_followed_on_and_cleared_beyond_the_partitions_bound() -> None:
    partition = Partition()
    early, *vins = strangers(41)
    for second in (0, 2):
        partition.take(newcomers([early], second=second, trouble_codes=codes_from(1)))
    for second in (3, 5):
        partition.take(newcomers(vins, second=second, trouble_codes=codes_from(0)))
    calm = [a for second in (6, 12, 18) for a in partition.take(newcomers([early], second=second))]
    assert Counter(alert.state for alert in calm) == {"cleared": MOST_CODE_EPISODES}


def test_the_partitions_work_is_kept_over_a_restart_wherever_it_falls() -> None:
    records = many_cars_with_codes(94, cars=24)[: 24 * 18]
    whole, alerts = _folded(records, RULES)
    assert whole.judge.codes_waiting > 0
    for marked in (0, 13, 30, 45, 60, 200, 400):
        for written in {marked, marked + 5, marked + 60, len(records) - 1}:
            first, told = _folded(records[:marked], RULES)
            before = [*first.drain(100), first.mark(marked)]
            told += _told(first, records[marked:written])
            states, mark = restored([*before, *first.drain(100)])  # killed before their mark
            second = PartitionFold(PARTITION, RULES, registry={}, states=states, mark=mark)
            told += _told(second, records[max(0, marked - 9) :])
            assert set(events(told)) == set(events(alerts))
            assert second.states == whole.states
            assert second.mark(99) == whole.mark(99)


def test_a_stretch_that_comes_again_is_not_counted_again() -> None:
    records = many_cars_with_codes(95, cars=24)[: 24 * 8]
    once, twice = _folded(records, RULES)[0], _folded([*records, *records], RULES)[0]
    assert twice.mark(99) == once.mark(99)


def test_a_mark_holds_trouble_codes_back_for_two_minutes_at_most() -> None:
    forged = Mark(PARTITION, 0, START_MS, RULES.hash, code_work_us=MOST_CODE_WORK_US, work_at_ms=START_MS)
    work = PartitionFold(PARTITION, RULES, registry={}, mark=forged).judge.work
    assert work.room(START_MS) == FEW_CODE_EPISODES
    assert work.room(START_MS + 120_000) == MOST_CODE_EPISODES
    work.add(START_MS, Charge(1, 1_000_000_000, 1_000_000_000))
    assert work.room(START_MS + 120_000) == MOST_CODE_EPISODES
    with pytest.raises(MalformedRecord):
        decode(encode(msgspec.structs.replace(forged, code_work_us=MOST_CODE_WORK_US + 1)), Mark)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a partition have a tenth of a second at once, so that a dozen cars are beyond it."""
    monkeypatch.setattr(limits, "SHARED_WORK_US", 100_000)
    monkeypatch.setattr(limits, "SMALL_WORK_US", 10_000)


def apart(alerts: list[Alert], state: str) -> set[str]:
    return {alert.vehicle_id for alert in alerts if (alert.rule, alert.state) == (SET_APART.name, state)}


@pytest.mark.usefixtures("narrow")
def test_many_cars_each_within_its_share_are_set_apart_together_and_calm_ones_are_judged_on() -> None:
    records = many_cars_that_come_and_go(96)
    *demanding, first, second, third = strangers(15)
    fold, alerts = _folded(records, RULES)
    assert apart(alerts, "raised") == apart(alerts, "cleared") == set(demanding)
    hot = [alert for alert in alerts if (alert.rule, alert.state) == ("coolant_over_temperature", "raised")]
    assert {first, second, third} < {alert.vehicle_id for alert in hot}
    assert len(alerts) < 450
    states = fold.states.values()
    assert not any(state.apart for state in states)
    assert {state.trips[0].ended_at_ms for state in states} == {state.newest.recorded_at_ms for state in states}


def test_the_same_cars_are_not_set_apart_where_the_partition_has_room() -> None:
    fold, alerts = _folded(many_cars_that_come_and_go(96), RULES)
    assert apart(alerts, "raised") == set()
    assert len(alerts) > 900
    assert fold.judge.work.work_us < limits.SHARED_WORK_US


@pytest.mark.usefixtures("narrow")
def test_cars_are_set_apart_at_the_same_readings_wherever_a_restart_falls() -> None:
    records = many_cars_that_come_and_go(97)
    whole, alerts = _folded(records, RULES)
    for marked in (0, 9, 40, 60, 100, 300, 800):
        for written in {marked, marked + 7, marked + 90}:
            first, told = _folded(records[:marked], RULES)
            before = [*first.drain(100), first.mark(marked)]
            told += _told(first, records[marked:written])
            states, mark = restored([*before, *first.drain(100)])  # killed before their mark
            second = PartitionFold(PARTITION, RULES, registry={}, states=states, mark=mark)
            told += _told(second, records[max(0, marked - 9) :])
            assert set(events(told)) == set(events(alerts))
            assert second.states == whole.states
            assert second.mark(99) == whole.mark(99)


def test_a_mark_holds_cars_back_for_two_minutes_at_most() -> None:
    forged = Mark(PARTITION, 0, START_MS, RULES.hash, work_us=MOST_SHARED_WORK_US, work_at_ms=START_MS)
    work = PartitionFold(PARTITION, RULES, registry={}, mark=forged).judge.work
    assert work.most_us(START_MS) == limits.SMALL_WORK_US
    assert work.most_us(START_MS + 120_000) == limits.MOST_WORK_US
    with pytest.raises(MalformedRecord):
        decode(encode(msgspec.structs.replace(forged, work_us=MOST_SHARED_WORK_US + 1)), Mark)


def test_a_mark_tells_since_when_these_rules_and_this_fold_judge() -> None:
    old = Mark(PARTITION, 17, START_MS, RULES.hash)
    fold = PartitionFold(PARTITION, RULES, registry={}, mark=old)
    told = decode(fold.mark(30)[1], Mark)
    assert (told.fold_version, told.since_offset) == (FOLD_VERSION, 17)
    again = PartitionFold(PARTITION, RULES, registry={}, mark=told)
    assert decode(again.mark(60)[1], Mark).since_offset == 17


def test_an_alert_tells_the_version_of_the_fold() -> None:
    partition = Partition()
    assert {alert.fold_version for alert in partition.take(a_hot_engine(10))} == {FOLD_VERSION}


def test_a_state_goes_on_wherever_it_was_written() -> None:
    records = demanding_stream(1)
    whole, alerts = _folded(records, FEW)
    for cut in range(0, len(records), max(1, len(records) // 7)):
        first, before = _folded(records[:cut], FEW)
        written = [*first.drain(first.unwritten), first.mark(cut)]
        states, mark = restored(written)
        second = PartitionFold(PARTITION, FEW, registry={}, states=states, mark=mark)
        assert events(before + _told(second, records[cut:])) == events(alerts)
        assert {vin: state.episodes for vin, state in second.states.items()} == {
            vin: state.episodes for vin, state in whole.states.items()
        }


def events(alerts: list[Alert]) -> list[tuple[str, int, str]]:
    """Return what was told, in an order that does not depend on when a silence was found."""
    return sorted((alert.alert_id, alert.change, alert.state) for alert in alerts)


def _folded(records: list[Record], rules: Any) -> tuple[PartitionFold, list[Alert]]:
    fold = PartitionFold(PARTITION, rules, registry={})
    return fold, _told(fold, records)


def _told(fold: PartitionFold, records: list[Record]) -> list[Alert]:
    alerts: list[Alert] = []
    for record in records:
        alerts += fold.advance(record.received_at_ms)
        reading, _ = believe(record.value, record.partition, record.received_at_ms)
        alerts += fold.fold(reading, record.offset, record.received_at_ms)
    return alerts


def test_the_rule_file_sets_how_many_new_vehicles_are_watched() -> None:
    text = default_rules_file().read_text(encoding="utf-8")
    assert load_rules(default_rules_file()).new_vehicles_an_hour == 1_000
    changed = parse_rules(text.replace(BOUND, "new_vehicles_an_hour = 20"))
    assert changed.new_vehicles_an_hour == 20
    assert changed.hash != RULES.hash
    with pytest.raises(InvalidRules, match="new_vehicles_an_hour"):
        parse_rules(text.replace(BOUND, "new_vehicles_an_hour = 0"))


def test_a_rule_file_that_says_nothing_of_limits_has_the_usual_ones_and_the_hash_that_it_had() -> None:
    text = default_rules_file().read_text(encoding="utf-8").replace(f"[limits]\n{BOUND}\n", "")
    assert "[limits]" not in text
    told = parse_rules(text)
    assert (told.hash, told.new_vehicles_an_hour) == (RULES.hash, RULES.new_vehicles_an_hour)


def test_a_rule_file_can_be_given_room_for_a_fleet() -> None:
    text = default_rules_file().read_text(encoding="utf-8")
    assert with_room_for(1_000, text) == text
    without = text.replace(f"[limits]\n{BOUND}\n", "")
    assert parse_rules(with_room_for(100_000, text)).hash == parse_rules(with_room_for(100_000, without)).hash
    assert parse_rules(with_room_for(100_000, text)).new_vehicles_an_hour > 100_000 / 12


def test_a_message_too_long_for_an_alert_is_refused() -> None:
    text = default_rules_file().read_text(encoding="utf-8").replace("stop and let the engine cool", "stop " * 300, 1)
    with pytest.raises(InvalidRules, match="message"):
        parse_rules(text)


def test_a_rule_cannot_take_the_name_of_a_limit() -> None:
    text = default_rules_file().read_text(encoding="utf-8").replace('"oil_temperature"', f'"{SET_APART.name}"', 1)
    if SET_APART.name not in text:
        text = text.replace("coolant_rising", SET_APART.name, 1)
    with pytest.raises(InvalidRules, match="named so"):
        parse_rules(text)
