from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import RULES, Drive, a_reading, rules_of
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InvalidRules
from contracts.reading import Reading
from rules import load_rules, parse_rules
from rules.expression import SIGNALS, InvalidExpression, compile_condition

GOOD = """
[[rule]]
name = "hot_engine"
family = "level"
severity = "warning"
level = "coolant_c >= 110"
message = "{coolant_c}"
source = "test"
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"coolant_c >= 110"', '"coolant >= 110"', r"test.toml:6: rule 'hot_engine', level: 'coolant' is no signal"),
        ('"coolant_c >= 110"', '"coolant_c"', "a number where a truth is needed"),
        ('"coolant_c >= 110"', '"coolant_c >="', "is no condition"),
        ('"coolant_c >= 110"', "\"coolant_c > 'hot'\"", "needs a number"),
        ('"coolant_c >= 110"', "\"__import__('os').system('x') == 0\"", "is not allowed"),
        ('"coolant_c >= 110"', '"coolant_c ** 99 > 1"', "is not allowed"),
        ('"coolant_c >= 110"', '"vehicle.colour > 1"', "not in the registry"),
        ('"coolant_c >= 110"', '"' + "1 < 2 and " * 60 + '1 < 2"', "at most 500"),
        ('"hot_engine"', '"Hot engine"', r"test.toml:3: rule 'Hot engine', name"),
        (
            '"warning"',
            '"loud"',
            r"test.toml:5: rule 'hot_engine', severity: .*'loud'; write one of info, warning, critical",
        ),
        ('"level"', '"grade"', r"rule 'hot_engine', family: .*'grade'; write one of level, cross_signal"),
        (
            "source =",
            "sauce =",
            r"test.toml:\d+: rule 'hot_engine', sauce: .*unknown field `sauce`; remove it; a rule has",
        ),
        ("message =", "# =", r"test.toml:2: rule 'hot_engine', message: .*missing required field `message`; add it"),
        ('"{coolant_c}"', '"{oil_c}"', r"test.toml:7: .*name only what the rule reads"),
        ('"{coolant_c}"', '"{coolant_c"', "braces"),
        ('"level"', '"silence"', "takes no level"),
        ('"level"', '"trouble_code"', "takes no level"),
        (GOOD, GOOD + GOOD, r"test.toml:11: .*another rule has this name"),
        (GOOD, "rule = 3", "Expected `array`"),
        (GOOD, "[[rule", "not TOML"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line_and_remedy(old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(InvalidRules, match=complaint):
        rules_of(GOOD.replace(old, new))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match=r"nowhere\.toml"):
        load_rules(tmp_path / "nowhere.toml")


def test_the_hash_follows_what_the_rules_say_and_not_their_comments() -> None:
    assert rules_of(GOOD).hash == rules_of("# a comment\n" + GOOD).hash
    assert rules_of(GOOD).hash != rules_of(GOOD.replace("110", "111")).hash


def test_every_rule_names_its_source() -> None:
    assert all(rule.source for rule in RULES.rules)


def test_the_first_rule_with_a_prefix_of_the_code_takes_it() -> None:
    names = [getattr(RULES.rule_of_code(code), "name", None) for code in ("P0301", "P0500", "U0100", "X")]
    assert names == ["misfire_code", "powertrain_code", "network_code", None]


def test_dividing_by_zero_is_not_a_raise() -> None:
    expression = compile_condition("coolant_c / speed_kmh > 1")
    with pytest.raises(ZeroDivisionError):
        expression.holds(a_reading(speed_kmh=0.0), {})
    drive = Drive(rules=rules_of(GOOD.replace("coolant_c >= 110", "coolant_c / speed_kmh > 1")))
    assert drive.read(a_reading(speed_kmh=0.0), a_reading(1, speed_kmh=0.0)) == []


words = st.sampled_from(
    [
        *SIGNALS,
        "and",
        "or",
        "not",
        "(",
        ")",
        "<",
        ">=",
        "==",
        "in",
        "+",
        "/",
        "-",
        "1",
        "0",
        "'LOW'",
        "min",
        "vehicle.year",
    ]
)


@given(st.lists(words, max_size=12).map(" ".join))
def test_no_condition_makes_the_engine_raise(text: str) -> None:
    try:
        expression = compile_condition(text)
    except InvalidExpression:
        return
    try:
        expression.holds(whole_reading(), {"year": 2020.0})
    except ArithmeticError:
        return


def whole_reading() -> Reading:
    numbers: dict[str, Any] = {name: 1.0 for name, kind in SIGNALS.items() if kind == "number" and name != "trip_s"}
    return a_reading(1, **numbers)


@given(st.text(max_size=200))
def test_no_text_makes_the_compiler_raise_anything_but_invalid_rules(text: str) -> None:
    with pytest.raises(InvalidRules):
        parse_rules(text + "\n[[rule]]\nname = 1")
