from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from driving import HEALTHY, Drive, a_reading, rules_of
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InvalidRules
from rules.expression import SIGNALS

_numbers = st.sampled_from(
    [*(n for n, k in SIGNALS.items() if k == "number"), "0", "1", "-40", "1e308", "vehicle.placard_kpa"]
)
_terms = st.recursive(
    _numbers,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda t: f"({' '.join(t)})")
        | st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})")
    ),
    max_leaves=4,
)
_conditions = st.recursive(
    st.tuples(_terms, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _terms).map(" ".join)
    | st.sampled_from(["oil_level in ('LOW', 'HIGH')", "ignition_on", "min(tyre_pressures_kpa) < 100"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda c: f"not {c}")
    ),
    max_leaves=4,
)
_durations = st.sampled_from([0, 1, 5])

_level_rules = st.fixed_dictionaries(
    {
        "name": st.just("any_level"),
        "family": st.sampled_from(["level", "cross_signal"]),
        "severity": st.just("info"),
        "level": _conditions,
        "for_s": _durations,
        "clear_for_s": _durations,
        "cooldown_s": _durations,
        "message": st.just("told"),
        "source": st.just("test"),
    },
    optional={"when": _conditions, "clear": _conditions},
)
_trend_rules = st.fixed_dictionaries(
    {
        "name": st.just("any_trend"),
        "family": st.just("trend"),
        "severity": st.just("info"),
        "value": _terms,
        "window_s": st.just(120),
        "level": _terms.map(lambda term: f"change > {term}"),
        "message": st.just("told {change}"),
        "source": st.just("test"),
    },
    optional={"when": _conditions},
)
_signals = st.dictionaries(st.sampled_from(sorted(HEALTHY)), st.none(), max_size=3).filter(
    lambda absent: not absent.keys() & {"speed_kmh", "engine_rpm"}
)


def toml(rule: dict[str, Any]) -> str:
    return "[[rule]]\n" + "\n".join(f"{key} = {msgspec.json.encode(value).decode()}" for key, value in rule.items())


@settings(max_examples=60)
@given(_level_rules, _trend_rules, st.lists(_signals, min_size=20, max_size=20), st.sampled_from([1, 15, 40]))
def test_no_rule_file_makes_the_engine_raise(
    level: dict[str, Any], trend: dict[str, Any], absent: list[dict[str, None]], step_s: int
) -> None:
    try:
        rules = rules_of(toml(level) + "\n" + toml(trend))
    except InvalidRules:
        return
    drive = Drive(rules=rules)
    drive.read(*(a_reading(at * step_s, **{**HEALTHY, **missing}) for at, missing in enumerate(absent)))
    states = [alert.state for alert in drive.alerts if alert.rule == "any_level"]
    assert all(before != after for before, after in pairwise(states))
