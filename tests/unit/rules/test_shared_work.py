"""One account of a partition for what its vehicles cost: many cars at once, each within its share."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from demanding import (
    PARTITION,
    codes_from,
    many_cars_that_come_and_go,
    many_cars_with_codes,
    strangers,
)
from driving import RULES, START_MS
from folded_partition import Partition, events, folded, newcomers, restarted, rules_told

from contracts.alert import Alert
from contracts.codec import decode, encode
from contracts.errors import MalformedRecord
from contracts.vehicle_state import (
    MOST_CODE_WORK_US,
    MOST_SHARED_WORK_US,
    Charge,
    Mark,
)
from rules import limits
from rules.limits import FEW_CODE_EPISODES, HOUR_MS, MANY_CODES, MOST_CODE_EPISODES, SET_APART
from rules.partition import PartitionFold


def is_of_a_code(alert: Alert) -> bool:
    return alert.rule.endswith("_code")


def alerts_of(alerts: list[Alert], vin: str) -> Counter[tuple[str, str]]:
    return rules_told([alert for alert in alerts if alert.vehicle_id == vin])


def test_many_cars_that_raise_all_codes_at_once_are_told_few_of_each_and_an_honest_one_its_worst() -> None:
    partition = Partition()
    *vins, honest = strangers(901)
    alerts: list[Alert] = []
    for second in (0, 2, 5):
        alerts += partition.take(newcomers(vins, second=second, trouble_codes=codes_from(0)))
        alerts += partition.take(newcomers([honest], second=second, trouble_codes=("C0000", "P0301"), coolant_c=116.0))
    assert 901 <= sum(map(is_of_a_code, alerts)) <= 1_000 + 901 * FEW_CODE_EPISODES
    assert MANY_CODES.name not in {alert.rule for alert in alerts}
    told = alerts_of(alerts, honest)
    assert (told["misfire_code", "raised"], told["chassis_code", "raised"]) == (1, 0)
    assert told["coolant_over_temperature", "raised"] == 1
    assert partition.fold.judge.codes_waiting > 900


def test_codes_that_waited_are_followed_when_the_partition_has_room() -> None:
    partition = Partition()
    vins, raised = strangers(60), Counter[str]()
    for step in range(16):
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
    whole, alerts = folded(records, RULES)
    assert whole.judge.codes_waiting > 0
    for marked in (0, 13, 30, 45, 60, 200, 400):
        for written in {marked, marked + 5, marked + 60, len(records) - 1}:
            told, second = restarted(records, marked=marked, written=written)
            assert set(events(told)) == set(events(alerts))
            assert second.states == whole.states
            assert second.mark(99) == whole.mark(99)


def test_a_stretch_that_comes_again_is_not_counted_again() -> None:
    records = many_cars_with_codes(95, cars=24)[: 24 * 8]
    once, twice = folded(records, RULES)[0], folded([*records, *records], RULES)[0]
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
    fold, alerts = folded(records, RULES)
    assert apart(alerts, "raised") == apart(alerts, "cleared") == set(demanding)
    hot = [alert for alert in alerts if (alert.rule, alert.state) == ("coolant_over_temperature", "raised")]
    assert {first, second, third} < {alert.vehicle_id for alert in hot}
    assert len(alerts) < 450
    states = fold.states.values()
    assert not any(state.apart for state in states)
    assert {state.trips[0].ended_at_ms for state in states} == {state.newest.recorded_at_ms for state in states}


def test_the_same_cars_are_not_set_apart_where_the_partition_has_room() -> None:
    fold, alerts = folded(many_cars_that_come_and_go(96), RULES)
    assert apart(alerts, "raised") == set()
    assert len(alerts) > 900
    assert fold.judge.work.work_us < limits.SHARED_WORK_US


@pytest.mark.usefixtures("narrow")
def test_cars_are_set_apart_at_the_same_readings_wherever_a_restart_falls() -> None:
    records = many_cars_that_come_and_go(97)
    whole, alerts = folded(records, RULES)
    for marked in (0, 9, 40, 60, 100, 300, 800):
        for written in {marked, marked + 7, marked + 90}:
            told, second = restarted(records, marked=marked, written=written)
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
