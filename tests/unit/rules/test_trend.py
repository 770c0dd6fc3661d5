from __future__ import annotations

import pytest
from driving import VIN, Drive, a_reading, rules_of

from contracts.reading import Reading

FALLING = """
[[rule]]
name = "voltage_falling"
family = "trend"
severity = "info"
when = "engine_rpm > 1200"
value = "battery_v"
window_s = 300
level = "change <= -1"
clear = "change > -0.2"
message = "{change}"
source = "test"
"""


def falling(second: int, *, by_v: float = 0.01, last: int = 10_000) -> Reading:
    return a_reading(second, battery_v=14.0 - by_v * min(second, last))


def test_a_trend_is_raised_when_its_window_is_nearly_full() -> None:
    drive = Drive(rules=rules_of(FALLING))
    drive.read(*(falling(second) for second in range(240)))
    assert drive.alerts == []
    (raised,) = drive.read(*(falling(second) for second in range(240, 300)))
    assert raised.rule == "voltage_falling"
    assert float(raised.evidence["change"]) <= -1  # type: ignore[arg-type]


def test_a_trend_that_ends_is_cleared() -> None:
    drive = Drive(rules=rules_of(FALLING))
    drive.read(*(falling(second, last=300) for second in range(900)))
    assert [alert.state for alert in drive.alerts] == ["raised", "cleared"]


def test_one_wrong_sample_is_no_trend() -> None:
    drive = Drive(rules=rules_of(FALLING))
    drive.read(*(a_reading(second, battery_v=5.0 if second in (300, 301) else 14.0) for second in range(900)))
    assert drive.alerts == []


def test_the_window_is_broken_where_the_enabling_condition_does_not_hold() -> None:
    drive = Drive(rules=rules_of(FALLING))
    for second in range(900):
        reading = falling(second)
        reading.engine_rpm = 800.0 if second % 200 < 40 else 2_000.0
        drive.read(reading)
    assert drive.alerts == []


def test_a_new_trip_begins_a_new_window() -> None:
    drive = Drive(rules=rules_of(FALLING))
    drive.read(*(falling(second) for second in range(200)))
    drive.read(*(a_reading(second, trip=300, battery_v=12.0) for second in range(200)))
    assert drive.alerts == []
    assert drive.fold.states[VIN].samples[0].distance_m < 100


def test_averages_look_back_five_minutes() -> None:
    drive = Drive()
    drive.read(*(a_reading(second, coolant_c=60.0 if second < 300 else 90.0) for second in range(700)))
    averages = drive.fold.states[VIN].averages
    assert averages is not None
    assert averages.speed_kmh == pytest.approx(57.6)
    assert averages.litres_per_100km == pytest.approx(6.25, abs=0.05)
    assert averages.coolant_c == pytest.approx(90.0)


def test_averages_without_fuel_counters_say_nothing_of_consumption() -> None:
    drive = Drive()
    drive.read(*(a_reading(second, trip_fuel_ml=None) for second in range(100)))
    averages = drive.fold.states[VIN].averages
    assert averages is not None
    assert averages.litres_per_100km is None
