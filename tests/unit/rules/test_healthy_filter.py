from __future__ import annotations

from typing import Any

import msgspec
import pytest
from driving import HEALTHY, REGISTERED, RULES, VIN, Drive, a_reading, rules_of
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import encode
from contracts.reading import Reading
from contracts.vehicle import Vehicle
from rules.expression import SIGNALS
from rules.healthy import healthy_filter, healthy_net
from rules.moment import Moment, holds

NET = healthy_net(RULES)

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


def _passes_first_net(reading: Reading, registry: dict[str, Vehicle]) -> bool:
    try:
        return NET.passes_rest(NET.decode(encode(reading)), registry)
    except msgspec.ValidationError:
        return False


@given(signals, st.sampled_from([None, REGISTERED, Vehicle(VIN, "a", "b", 2000, "c")]), st.integers(0, 3_000))
def test_what_a_net_lets_pass_crosses_no_level(found: dict[str, Any], vehicle: Vehicle | None, second: int) -> None:
    reading = a_reading(second, **(HEALTHY | found))
    registry = {} if vehicle is None else {VIN: vehicle}
    if not (NET.is_healthy(reading, registry) or _passes_first_net(reading, registry)):
        return
    moment = Moment.of(reading, received_at_ms=reading.recorded_at_ms, partition=0, offset=0, vehicle=vehicle)
    for rule in RULES.levels:
        values = moment.registry(rule)
        if moment.carries(rule) and None not in values.values():
            assert not (holds(rule.level, moment, values) and holds(rule.when, moment, values)), rule.name


def test_a_healthy_reading_passes_both_nets() -> None:
    for registry in ({VIN: REGISTERED}, {}):
        assert NET.is_healthy(a_reading(10), registry)
        assert _passes_first_net(a_reading(10), registry)


def test_a_cold_engine_passes_the_second_net_only() -> None:
    cold = a_reading(10, coolant_c=20.0)
    assert NET.is_healthy(cold, {})
    assert not _passes_first_net(cold, {})


def test_a_value_on_a_threshold_does_not_pass_the_first_net() -> None:
    assert not _passes_first_net(a_reading(10, coolant_c=110.0), {})
    assert _passes_first_net(a_reading(10, coolant_c=109.9), {})


def test_a_file_without_levels_lets_everything_pass() -> None:
    rules = rules_of(
        '[[rule]]\nname = "gone"\nfamily = "silence"\nseverity = "info"\nfor_s = 9\nmessage = ""\nsource = ""'
    )
    assert healthy_filter(rules)(a_reading(coolant_c=200.0), {})
    assert Drive(rules=rules).read(a_reading(coolant_c=200.0)) == []


@pytest.mark.parametrize("level", ["misfires > -1e400", "misfires < 1e400", "coolant_c < 1e300", "misfires >= 19.5"])
def test_a_threshold_far_outside_of_a_signals_range_makes_a_net(level: str) -> None:
    net = healthy_net(rules_of(
        f'[[rule]]\nname = "far"\nfamily = "level"\nseverity = "info"\nlevel = "{level}"\nmessage = ""\nsource = ""'
    ))  # fmt: skip
    with pytest.raises(msgspec.ValidationError):
        net.decode(encode(a_reading(10, misfires=20)))
