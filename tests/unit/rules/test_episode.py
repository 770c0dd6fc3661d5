from __future__ import annotations

import pytest
from driving import RULES, START_MS, VIN, Drive, a_reading, rules_of

from contracts.alert import alert_id
from contracts.reading import Reading
from rules.partition import PartitionFold

HOT = 112.0


def hot(*seconds: float, trip: int = 0) -> list[Reading]:
    return [a_reading(second, trip=trip, coolant_c=HOT) for second in seconds]


def test_a_level_is_raised_at_the_first_reading_after_its_duration() -> None:
    drive = Drive()
    assert drive.read(*hot(0, 1, 2, 3, 4)) == []
    (raised,) = drive.read(*hot(5))
    assert (raised.rule, raised.state, raised.change) == ("coolant_over_temperature", "raised", 1)
    assert raised.raised_at_ms == START_MS + 5_000
    assert raised.trouble_code == "P0217"
    assert raised.rules_hash == RULES.hash


def test_an_episode_is_named_by_its_first_pending_reading() -> None:
    drive = Drive()
    (raised,) = drive.read(*hot(0, 5, 10))
    assert raised.alert_id == alert_id(VIN, "coolant_over_temperature", START_MS, 0)


def test_one_cool_reading_restarts_the_duration() -> None:
    drive = Drive()
    drive.read(*hot(0, 4), a_reading(5), *hot(6, 10))
    assert drive.alerts == []
    drive.read(*hot(11))
    assert drive.told() == [("coolant_over_temperature", 1, "raised")]


def test_a_gap_of_more_than_ten_seconds_restarts_the_hold() -> None:
    drive = Drive()
    drive.read(*hot(0, 10.1))
    assert drive.alerts == []
    (raised,) = drive.read(*hot(15.1))
    assert raised.alert_id == alert_id(VIN, "coolant_over_temperature", START_MS, 101)


def test_a_gap_of_ten_seconds_does_not() -> None:
    drive = Drive()
    (raised,) = drive.read(*hot(0, 10))
    assert raised.state == "raised"


def test_a_reading_without_the_signal_neither_breaks_nor_extends() -> None:
    drive = Drive()
    drive.read(*hot(0, 3), a_reading(4, coolant_c=None), a_reading(5, coolant_c=None))
    assert drive.alerts == []
    drive.read(*hot(6))
    assert drive.told() == [("coolant_over_temperature", 1, "raised")]


def test_the_enabling_condition_must_hold_too() -> None:
    drive = Drive()
    drive.read(*(a_reading(s, battery_v=10.0, speed_kmh=5.0) for s in range(20)))
    assert drive.alerts == []


def test_an_episode_is_cleared_after_the_clearing_duration_at_the_clearing_level() -> None:
    drive = Drive()
    drive.read(*hot(0, 5))
    drive.read(a_reading(6, coolant_c=107.0), a_reading(16, coolant_c=107.0))
    assert len(drive.alerts) == 1
    drive.read(a_reading(17), a_reading(26))
    assert len(drive.alerts) == 1
    (cleared,) = drive.read(a_reading(27))
    assert (cleared.state, cleared.clear_reason, cleared.change) == ("cleared", "recovered", 2)
    assert cleared.alert_id == drive.alerts[0].alert_id


def test_a_cleared_rule_cools_down_before_it_raises_again() -> None:
    drive = Drive()
    drive.read(*hot(0, 5), a_reading(6), a_reading(16))
    drive.read(*(hot(*range(17, 76))))
    assert len(drive.alerts) == 2
    drive.read(*hot(76, 81))
    assert drive.told()[2:] == [("coolant_over_temperature", 1, "raised")]
    assert drive.alerts[2].alert_id != drive.alerts[0].alert_id


def test_a_new_trip_clears_what_is_pending() -> None:
    drive = Drive()
    drive.read(*hot(0, 4), *hot(0, 4, trip=5))
    assert drive.alerts == []


def test_an_open_episode_survives_a_new_trip() -> None:
    drive = Drive()
    drive.read(*hot(0, 5), *hot(0, 5, trip=60))
    assert len(drive.alerts) == 1
    drive.read(a_reading(6, trip=60), a_reading(16, trip=60))
    assert drive.told()[-1] == ("coolant_over_temperature", 2, "cleared")


def test_an_open_episode_ends_when_its_signal_is_lost_for_a_day() -> None:
    drive = Drive(rules=rules_of(_LEVEL))
    drive.read(*hot(0, 5))
    day = 86_400
    drive.read(a_reading(day + 4, coolant_c=None))
    assert len(drive.alerts) == 1
    (cleared,) = drive.read(a_reading(day + 5, coolant_c=None))
    assert cleared.clear_reason == "signal_lost"


def test_escalation_keeps_the_alert_id() -> None:
    drive = Drive()
    drive.read(*(a_reading(s, battery_v=10.5) for s in range(6)))
    drive.read(*(a_reading(s, battery_v=9.0) for s in range(6, 17)))
    assert drive.told() == [("system_voltage_low", 1, "raised"), ("system_voltage_low", 2, "escalated")]
    raised, escalated = drive.alerts
    assert escalated.alert_id == raised.alert_id
    assert (raised.severity, escalated.severity) == ("warning", "critical")
    assert raised.evidence["battery_v"] == 10.5
    assert escalated.worst["battery_v"] == 9.0


def test_the_worst_evidence_is_kept() -> None:
    drive = Drive()
    drive.read(*hot(0, 5), a_reading(6, coolant_c=120.0), a_reading(7, coolant_c=111.0), a_reading(8), a_reading(18))
    assert drive.alerts[-1].worst["coolant_c"] == 120.0


def test_durations_are_measured_in_the_earlier_of_the_two_clocks() -> None:
    drive = Drive()
    drive.read(*hot(0, 5), delay_ms=-3_000)
    assert [alert.raised_at_ms for alert in drive.alerts] == [START_MS + 2_000]


def test_a_late_reading_does_not_reopen_a_cleared_episode() -> None:
    drive = Drive()
    drive.read(*hot(0, 5), a_reading(6), a_reading(16))
    drive.read(*hot(5.5, 6.5))
    assert drive.told()[-1][2] == "cleared"
    assert len(drive.alerts) == 2


def test_a_rule_over_the_registry_is_silent_for_an_unknown_vehicle() -> None:
    drive = Drive(registry={})
    drive.read(*(a_reading(s, tyre_pressures_kpa=(100.0, 230.0, 230.0, 230.0)) for s in range(0, 70, 5)))
    assert drive.alerts == []


def test_a_tyre_is_measured_against_the_placard() -> None:
    drive = Drive()
    drive.read(*(a_reading(s, tyre_pressures_kpa=(170.0, 230.0, 230.0, 230.0)) for s in range(0, 65, 5)))
    assert drive.told() == [("tyre_pressure_low", 1, "raised")]
    assert drive.alerts[0].evidence["vehicle.placard_kpa"] == 230.0


def test_each_trouble_code_is_an_episode_of_its_own() -> None:
    drive = Drive()
    drive.read(*(a_reading(s, trouble_codes=("P0301", "C1234")) for s in range(4)))
    assert sorted(drive.told()) == [("chassis_code", 1, "raised"), ("misfire_code", 1, "raised")]
    drive.read(*(a_reading(s, trouble_codes=("C1234",)) for s in range(4, 16)))
    assert drive.told()[2:] == [("misfire_code", 2, "cleared")]
    assert drive.alerts[0].alert_id != drive.alerts[1].alert_id


def test_a_code_in_a_single_reading_raises_nothing() -> None:
    drive = Drive()
    drive.read(a_reading(0, trouble_codes=("P0301",)), a_reading(1), a_reading(2))
    assert drive.alerts == []


def test_an_episode_whose_rule_is_gone_is_cleared() -> None:
    drive = Drive()
    drive.read(*hot(0, 5))
    other = rules_of(_LEVEL.replace("hot_engine", "other_rule").replace("110", "300"))
    drive.fold = PartitionFold(drive.partition, other, registry=drive.registry, states=drive.fold.states)
    (cleared,) = drive.read(a_reading(6))
    assert cleared.clear_reason == "rule_removed"


@pytest.mark.parametrize("second", [1, 5, 17])
def test_a_repeated_reading_changes_nothing(second: int) -> None:
    once, twice = Drive(), Drive()
    readings = [*hot(*range(8)), *(a_reading(s) for s in range(8, 25))]
    once.read(*readings)
    twice.read(*readings[: second + 1], readings[second], *readings[second:])
    assert once.told() == twice.told()
    assert once.fold.states[VIN].trips == twice.fold.states[VIN].trips


_LEVEL = """
[[rule]]
name = "hot_engine"
family = "level"
severity = "critical"
level = "coolant_c >= 110"
for_s = 5
clear_for_s = 10
message = "{coolant_c}"
source = "test"
"""


def test_a_clock_set_back_restarts_the_hold_and_does_not_stop_it() -> None:
    drive = Drive()
    drive.read(*hot(0, 3))
    for second in range(4, 20):
        reading = a_reading(second, coolant_c=HOT)
        reading.recorded_at_ms = max(reading.trip_started_at_ms, reading.recorded_at_ms - 3_600_000) + second * 1_000
        drive.read(reading)
    assert drive.told() == [("coolant_over_temperature", 1, "raised")]


def test_a_cooldown_from_the_future_is_over() -> None:
    drive = Drive(rules=rules_of(_LEVEL + "cooldown_s = 3600"))
    drive.read(*hot(100, 105), a_reading(106), a_reading(116))
    assert [alert.state for alert in drive.alerts] == ["raised", "cleared"]
    later = hot(117, 122)
    for reading in later:
        reading.recorded_at_ms -= 60_000
    drive.read(*later)
    assert drive.told()[2:] == [("hot_engine", 1, "raised")]


@pytest.mark.parametrize("level", ["oil_c >= 10", "vehicle.placard_kpa > 0 and coolant_c > 50", "trip_s >= 2"])
def test_a_rule_may_read_something_else_after_a_restart(level: str) -> None:
    drive = Drive(rules=rules_of(_LEVEL))
    drive.read(*hot(0, 5))
    changed = rules_of(_LEVEL.replace("coolant_c >= 110", level).replace("{coolant_c}", "hot"))
    drive.fold = PartitionFold(drive.partition, changed, registry=drive.fold.registry, states=drive.fold.states)
    drive.read(*(a_reading(second, coolant_c=HOT, oil_c=90.0) for second in range(6, 30)))
    drive.read(*(a_reading(second, coolant_c=20.0, oil_c=5.0) for second in range(30, 50)))
    assert drive.told()[0] == ("hot_engine", 1, "raised")


def test_a_rule_over_the_trips_age_raises() -> None:
    drive = Drive(rules=rules_of(_LEVEL.replace("coolant_c >= 110", "trip_s >= 2").replace("{coolant_c}", "old")))
    drive.read(*(a_reading(second) for second in range(12)))
    assert drive.told() == [("hot_engine", 1, "raised")]


def test_an_alert_that_is_over_gives_no_advice() -> None:
    drive = Drive()
    drive.read(*hot(0, 5), a_reading(6), a_reading(16))
    raised, cleared = drive.alerts
    assert raised.message == "Coolant at 112 °C: stop and let the engine cool"
    assert cleared.message == "Coolant at 112 °C (over: back to normal)"


def test_a_bad_reading_in_the_middle_of_clearing_begins_the_clearing_anew() -> None:
    drive = Drive(rules=rules_of(_LEVEL))
    drive.read(*hot(0, 5))
    drive.read(*(a_reading(second) for second in range(6, 14)), *hot(14, 14))
    drive.read(*(a_reading(second) for second in range(15, 25)))
    assert drive.told() == [("hot_engine", 1, "raised")]
    drive.read(a_reading(25))
    assert drive.told()[1:] == [("hot_engine", 2, "cleared")]


def _with_a_clock_set_back(cycles: int, *, period_s: int) -> list[tuple[Reading, int]]:
    """Return readings that are hot and calm by turns, whose clock goes back to where it was, and when each arrives."""
    told: list[tuple[Reading, int]] = []
    for cycle in range(cycles):
        for step in range(20):
            reading = a_reading(100 + step * 2, coolant_c=HOT if step < 5 else 92.0)
            reading.sequence = len(told)
            told.append((reading, START_MS + 3_600_000 + (cycle * period_s + step) * 1_000))
    return told


@pytest.mark.parametrize(("period_s", "raised"), [(20, 3), (1_000, 9)])
def test_a_clock_that_is_set_back_over_and_over_ends_no_cooldown_before_its_time(period_s: int, raised: int) -> None:
    drive = Drive(rules=rules_of(_LEVEL + "cooldown_s = 60"))
    for offset, (reading, received_at_ms) in enumerate(_with_a_clock_set_back(9, period_s=period_s)):
        drive.alerts += drive.fold.fold(reading, offset, received_at_ms)
    assert sum(alert.state == "raised" for alert in drive.alerts) == raised


def test_a_recording_that_is_sent_at_once_has_the_alerts_that_it_would_have_had() -> None:
    live, recorded = (Drive(rules=rules_of(_LEVEL + "cooldown_s = 60")) for _ in range(2))
    readings = [
        a_reading(100 * cycle + at, coolant_c=HOT if at < 10 else 92.0) for cycle in range(9) for at in range(30)
    ]
    live.read(*readings)
    for offset, reading in enumerate(readings):
        recorded.alerts += recorded.fold.fold(reading, offset, START_MS + 3_600_000)
    assert live.told() == recorded.told()
    assert len(live.alerts) == 18
