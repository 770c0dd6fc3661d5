"""States that somebody else wrote: what is believed of them, and folded on, is believed again."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import msgspec
import pytest
from demanding import codes_from
from driving import REGISTERED, RULES, START_MS, VIN, a_reading, rules_of
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from contracts.alert import Alert
from contracts.codec import encode
from contracts.errors import MalformedRecord
from contracts.partitioning import partition_of_key
from contracts.record import Record
from contracts.record_checks import alert_in, written_in
from contracts.topics import READING_PARTITIONS
from contracts.vehicle_state import (
    MOST_CHANGES,
    MOST_VEHICLE_WORK_US,
    Charge,
    Episode,
    LiveAverages,
    Mark,
    Sample,
    Trend,
    TripTotals,
    VehicleState,
)
from rules.limits import MANY_CODES, SET_APART
from rules.partition import PartitionFold

HOME = partition_of_key(VIN.encode(), READING_PARTITIONS)
NOW_MS = START_MS + 3_600_000
WITH_PLACARD = rules_of(
    """
[[rule]]
name = "coolant_rising"
family = "trend"
severity = "warning"
value = "coolant_c"
level = "change >= vehicle.placard_kpa / 100"
clear = "change <= vehicle.placard_kpa / 200"
window_s = 180
for_s = 0
clear_for_s = 0
message = "{change:.0f}"
source = "test"
"""
)

KEYS = st.sampled_from(
    [
        *(rule.name for rule in RULES.rules),
        MANY_CODES.name,
        SET_APART.name,
        f"{MANY_CODES.name}:x",
        "powertrain_code:P0301",
        "misfire_code:P0301",
        "network_code:U0100",
        "x",
        "{coolant_c.real.x}",
        "{coolant_c:>999999999}",
    ]
)
TIMES = st.sampled_from([0, START_MS, NOW_MS - 61_000, NOW_MS - 5_000, NOW_MS, NOW_MS + 60_000])
COUNTS = st.sampled_from([0, 1, MOST_CHANGES, 2**53 - 1])
NUMBERS = st.sampled_from([0.0, -1e308, 1e308, 92.0, 5e-324])
EVIDENCE: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["coolant_c", "vehicle.placard_kpa", "change", "x"]),
    st.one_of(NUMBERS, st.none(), st.booleans(), st.sampled_from(["", "{0}", "x" * 4_000]), st.just([1e308])),
    max_size=3,
)
EPISODES = st.builds(
    Episode,
    key=KEYS,
    phase=st.sampled_from(["pending", "open", "cooldown"]),
    trip_started_at_ms=COUNTS | TIMES,
    sequence=COUNTS,
    since_ms=TIMES,
    seen_at_ms=TIMES,
    registry=st.dictionaries(st.sampled_from(["placard_kpa", "change", "x"]), NUMBERS | st.none(), max_size=2),
    change=st.sampled_from([0, 1, MOST_CHANGES - 1, MOST_CHANGES]),
    severity=st.sampled_from([None, "info", "warning", "critical"]),
    raised_at_ms=st.none() | TIMES,
    evidence=EVIDENCE,
    worst=EVIDENCE,
    clearing_since_ms=st.none() | TIMES,
    clearing_seen_at_ms=st.none() | TIMES,
    escalating_since_ms=st.none() | TIMES,
    escalating_seen_at_ms=st.none() | TIMES,
    worst_excess=st.none() | NUMBERS,
    trouble_code=st.sampled_from([None, "P0301", "x" * 250]),
    cleared_received_at_ms=st.none() | TIMES,
)
SAMPLES = st.builds(Sample, at_ms=TIMES, distance_m=COUNTS, fuel_ml=st.none() | COUNTS, coolant_c=st.none() | NUMBERS)
TRENDS = st.builds(Trend, key=KEYS, samples=st.lists(st.tuples(TIMES, NUMBERS), max_size=9))
TRIPS = st.builds(TripTotals, st.just(START_MS), st.just(16_000), st.sampled_from([NOW_MS - 5_000, NOW_MS]))
STATES = st.builds(
    VehicleState,
    offset=st.sampled_from([0, 9]),
    partition=st.just(HOME),
    received_at_ms=TIMES,
    newest=st.builds(a_reading, st.sampled_from([0, 100, 3_590])),
    newest_received_at_ms=st.sampled_from([NOW_MS - 5_000, NOW_MS]),
    trips=st.lists(TRIPS, min_size=1, max_size=3),
    averages=st.none() | st.builds(LiveAverages, speed_kmh=NUMBERS),
    episodes=st.lists(EPISODES, max_size=4),
    samples=st.lists(SAMPLES, max_size=4),
    trends=st.lists(TRENDS, max_size=3),
    sample_due_ms=COUNTS | TIMES,
    silent=st.none() | EPISODES,
    watched_from_offset=st.sampled_from([-1, 9]),
    refused_hour=st.sampled_from([None, None, None, 0, NOW_MS // 3_600_000]),
    work_us=st.sampled_from([0, 0, 0, 1_000_001, MOST_VEHICLE_WORK_US]),
    work_at_ms=TIMES,
    charges=st.lists(st.builds(Charge, COUNTS, st.just(2**31 - 1), st.just(2**31 - 1)), max_size=2),
    apart=st.sampled_from([True, False, False]).flatmap(lambda is_apart: EPISODES if is_apart else st.none()),
)
HEARD = st.lists(
    st.tuples(
        st.sampled_from([1, 9, 9, 40]),
        st.fixed_dictionaries(
            {
                "coolant_c": st.sampled_from([None, 92.0, 92.0, 116.0]),
                "trouble_codes": st.sampled_from([None, (), (), ("P0301",), codes_from(0)]),
            }
        ),
    ),
    min_size=1,
    max_size=12,
)
"""Readings: how many seconds after the one before, and with which signals."""


def _record(value: bytes, at_ms: int = NOW_MS) -> Record:
    return Record("vehicle-states", HOME, 0, at_ms, VIN.encode(), value)


def _folded_on(state: VehicleState, readings: list[Any], rules: Any = RULES) -> tuple[PartitionFold, list[Alert]]:
    mark = Mark(HOME, 10, NOW_MS, rules.hash)
    fold = PartitionFold(HOME, rules, registry={VIN: REGISTERED}, states={VIN: state}, mark=mark)
    alerts: list[Alert] = []
    for offset, reading in enumerate(readings):
        received_at_ms = reading.recorded_at_ms + 20
        alerts += fold.advance(received_at_ms)
        alerts += fold.fold(reading, 10 + offset, received_at_ms)
    return fold, alerts


@pytest.mark.parametrize("rules", [RULES, WITH_PLACARD], ids=["usual", "placard"])
@settings(max_examples=400)
@given(state=STATES, heard=HEARD)
def test_what_is_believed_and_folded_on_is_believed_again(rules: Any, state: VehicleState, heard: list[Any]) -> None:
    try:
        believed = written_in(_record(encode(state)), None)
    except MalformedRecord:
        reject()
    assert isinstance(believed, VehicleState)
    seconds = accumulate((after_s for after_s, _ in heard), initial=3_600)
    readings = [a_reading(second, **signals) for second, (_, signals) in zip(seconds, heard, strict=False)]
    fold, alerts = _folded_on(believed, readings, rules)
    for _, value in fold.drain(99):
        again = written_in(_record(value, fold.clock_ms), None)
        assert isinstance(again, VehicleState)
        assert again.work_us <= MOST_VEHICLE_WORK_US
    for alert in alerts:
        assert alert_in(_record(encode(alert), fold.clock_ms), None) == alert


def _open(key: str, **given: Any) -> Episode:
    return Episode(key, "open", START_MS, 0, START_MS, NOW_MS, change=1, severity="warning", **given)


def _a_state(**given: Any) -> VehicleState:
    trip = TripTotals(START_MS, 0, START_MS)
    return VehicleState(9, HOME, NOW_MS, a_reading(0), NOW_MS, [trip], **given)


@pytest.mark.parametrize("key", [SET_APART.name, f"{MANY_CODES.name}:x", "{coolant_c.real.x}", "gone"])
def test_an_episode_that_no_rule_has_is_ended(key: str) -> None:
    fold, alerts = _folded_on(_a_state(episodes=[_open(key)]), [a_reading(3_600)])
    assert [(alert.state, alert.clear_reason, alert.message) for alert in alerts] == [
        ("cleared", "rule_removed", f"{key} (over: its rule is no longer in force)")
    ]
    assert fold.states[VIN].episodes == []


def test_a_vehicle_is_set_apart_by_no_record_for_more_than_a_quarter_of_an_hour() -> None:
    state = _a_state(work_us=MOST_VEHICLE_WORK_US, work_at_ms=NOW_MS, apart=_open(SET_APART.name))
    with pytest.raises(MalformedRecord):
        written_in(_record(encode(msgspec.structs.replace(state, work_us=MOST_VEHICLE_WORK_US + 1))), None)
    fold, alerts = _folded_on(state, [])
    alerts += fold.fold(a_reading(3_600), 10, NOW_MS + 900_000)
    assert [(alert.rule, alert.state) for alert in alerts] == [(SET_APART.name, "cleared")]


def test_a_trend_that_is_followed_reads_what_is_known_where_its_episode_says_nothing() -> None:
    at_ms = [START_MS + second * 1_000 for second in range(3_420, 3_600, 30)]
    state = _a_state(
        episodes=[_open("coolant_rising", registry={"placard_kpa": None})],
        trends=[Trend("coolant_rising", [(each, 116.0) for each in at_ms])],
    )
    _, alerts = _folded_on(state, [a_reading(3_595, coolant_c=116.0)], WITH_PLACARD)
    assert [alert.state for alert in alerts] == ["cleared"]


def test_of_trends_only_those_that_a_rule_follows_are_kept() -> None:
    fold, _ = _folded_on(_a_state(trends=[Trend("gone"), Trend("coolant_rising")]), [])
    assert [trend.key for trend in fold.states[VIN].trends] == ["coolant_rising"]
