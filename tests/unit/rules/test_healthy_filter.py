from __future__ import annotations

from typing import Any

from driving import HEALTHY, REGISTERED, RULES, VIN, Drive, a_reading, rules_of
from hypothesis import given
from hypothesis import strategies as st

from contracts.vehicle import Vehicle
from rules.expression import SIGNALS
from rules.healthy import healthy_filter
from rules.moment import Moment, holds

is_healthy = healthy_filter(RULES)

_NUMBERS = [name for name, kind in SIGNALS.items() if kind == "number" and name != "trip_s"]
_OPTIONAL = {"speed_kmh", "engine_rpm", "trip_distance_m"}
_AROUND_LIMITS = st.sampled_from(
    [
        limit + step
        for rule in RULES.levels
        if rule.level
        for t in rule.level.thresholds
        for limit in [t.value]
        for step in (-0.5, 0, 0.5)
    ]
)
_VALUES = st.floats(-100, 9_000) | _AROUND_LIMITS

signals = st.fixed_dictionaries(
    {},
    optional={name: _VALUES if name in _OPTIONAL else st.none() | _VALUES for name in _NUMBERS}
    | {
        "oil_level": st.sampled_from([None, "LOW", "NORMAL", "CRITICALLY_LOW"]),
        "tyre_pressures_kpa": st.none() | st.tuples(*[st.floats(0, 400)] * 4),
    },
)


@given(signals, st.sampled_from([None, REGISTERED, Vehicle(VIN, "a", "b", 2000, "c")]), st.integers(0, 3_000))
def test_what_the_filter_lets_pass_crosses_no_level(
    found: dict[str, Any], vehicle: Vehicle | None, second: int
) -> None:
    reading = a_reading(second, **(HEALTHY | found))
    if not is_healthy(reading, vehicle):
        return
    moment = Moment.of(reading, received_at_ms=reading.recorded_at_ms, partition=0, offset=0, vehicle=vehicle)
    for rule in RULES.levels:
        values = moment.registry(rule)
        if moment.carries(rule) and None not in values.values():
            assert not (holds(rule.level, moment, values) and holds(rule.when, moment, values)), rule.name


def test_a_healthy_reading_passes() -> None:
    assert is_healthy(a_reading(10), REGISTERED)
    assert is_healthy(a_reading(10), None)
    assert is_healthy(a_reading(10, coolant_c=20.0), REGISTERED)


def test_a_file_without_levels_lets_everything_pass() -> None:
    rules = rules_of(
        '[[rule]]\nname = "gone"\nfamily = "silence"\nseverity = "info"\nfor_s = 9\nmessage = ""\nsource = ""'
    )
    assert healthy_filter(rules)(a_reading(coolant_c=200.0), None)
    assert Drive(rules=rules).read(a_reading(coolant_c=200.0)) == []
