"""What one vehicle, and very many new ones, may take of a partition."""

from __future__ import annotations

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
    new_codes_in_pairs,
    strangers,
)
from driving import RULES, START_MS, VIN, Drive, a_reading
from folded_partition import Partition, caused, events, folded, newcomers, rules_told

from contracts.codec import decode, encode
from contracts.errors import InvalidRules
from contracts.vehicle_state import (
    Mark,
    TripTotals,
    VehicleState,
    merged_totals,
)
from rules import default_rules_file, load_rules, parse_rules, with_room_for
from rules.limits import HOUR_MS, MANY_CODES, MOST_CODE_EPISODES, MOST_TRIPS, SET_APART
from rules.partition import PartitionFold
from rules.rule import FOLD_VERSION
from rules.written import restored

FEW = replace(RULES, new_vehicles_an_hour=3)
BOUND = "new_vehicles_an_hour = 1000"
MOST_STATE_BYTES = 64 * 1024


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
    whole, alerts = folded(records, FEW)
    for cut in range(0, len(records), max(1, len(records) // 7)):
        first, before = folded(records[:cut], FEW)
        written = [*first.drain(first.unwritten), first.mark(cut)]
        states, mark = restored(written)
        second = PartitionFold(PARTITION, FEW, registry={}, states=states, mark=mark)
        assert events(before + caused(second, records[cut:])) == events(alerts)
        assert {vin: state.episodes for vin, state in second.states.items()} == {
            vin: state.episodes for vin, state in whole.states.items()
        }


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
