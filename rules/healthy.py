"""The filter that lets a healthy reading pass for a few comparisons, generated from the rules.

Two nets. The first asks whether every signal lies in the band in which no rule's threshold on it is crossed: one
chained comparison a signal, however many rules there are. What it does not let pass, as a cold engine or a reading
without some signal, the second looks at rule by rule. Either may call a healthy reading suspicious (then the rules
look at it in full), never the other way round.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING

from rules.expression import ALWAYS_CARRIED

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.reading import Reading
    from contracts.vehicle import Vehicle
    from rules.expression import Threshold
    from rules.rule import Rule, Rules

    Filter = Callable[[Reading, Vehicle | None], bool]

_REGISTERED = re.compile(r"\bg\['(\w+)'\]")
_FUNCTIONS = {"min": min, "max": max, "abs": abs}


def healthy_filter(rules: Rules) -> Filter:
    """Compile the filter: True when no rule's level can hold at this reading of this vehicle."""
    return _compiled("\n".join([*_rule_by_rule(rules), *_by_bands(rules)]))


@lru_cache(maxsize=8)
def _compiled(source: str) -> Filter:
    """Compile a filter; remembered, as every partition of a worker has the same rules."""
    scope: dict[str, Filter] = dict(_FUNCTIONS)  # type: ignore[arg-type]
    exec(source, scope)  # noqa: S102 - made of whitelisted conditions only
    return scope["is_healthy"]


def _by_bands(rules: Rules) -> list[str]:
    thresholds = [next(iter(rule.level.thresholds), None) for rule in rules.levels if rule.level is not None]
    bands = [_band(signal, group) for signal, group in _grouped([t for t in thresholds if t is not None])]
    others = [rule for rule, threshold in zip(rules.levels, thresholds, strict=True) if threshold is None]
    tests = ["not r.trouble_codes", *bands, *(_passes(rule) for rule in others)]
    return [
        "def is_healthy(r, v):",
        "  try:",
        f"    if {' and '.join(tests)}: return True",
        "  except (TypeError, ArithmeticError): pass",  # a signal is absent
        "  return is_healthy_rule_by_rule(r, v)",
    ]


def _passes(rule: Rule) -> str:
    """Write the test that a rule is not met; one that reads the registry is silent on a vehicle it does not know."""
    registry = _needs(rule)[1]
    unknown = " or ".join(["v is None", *(f"v.{value} is None" for value in registry)])
    return f"(({unknown}) or not ({_suspicion(rule)}))" if registry else f"not ({_suspicion(rule)})"


def _grouped(thresholds: list[Threshold]) -> list[tuple[str, list[Threshold]]]:
    by_signal = sorted(thresholds, key=lambda threshold: threshold.signal)
    return [(signal, list(group)) for signal, group in groupby(by_signal, key=lambda threshold: threshold.signal)]


def _band(signal: str, thresholds: list[Threshold]) -> str:
    """Write the band of a signal outside of every threshold; a value on a threshold is left to the second net."""
    low = max((t.value for t in thresholds if not t.is_upper), default=-inf)
    high = min((t.value for t in thresholds if t.is_upper), default=inf)
    sides = [f"{low!r} < " if low > -inf else "", f"r.{signal}", f" < {high!r}" if high < inf else ""]
    return "".join(sides)


def _rule_by_rule(rules: Rules) -> list[str]:
    """Write the second net: rules that need the same signals share one test for their presence."""
    lines = ["def is_healthy_rule_by_rule(r, v):", "  if r.trouble_codes: return False", "  try:", "    pass"]
    for needs, group in groupby(sorted(rules.levels, key=_needs), key=_needs):
        lines.append(f"    if {_presence(*needs)}:")
        lines += [f"      if {_suspicion(rule)}: return False" for rule in group]
    return [*lines, "  except ArithmeticError: return False", "  return True"]


def _needs(rule: Rule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    conditions = [c for c in (rule.level, rule.when) if c is not None]
    signals = {signal for condition in conditions for signal in condition.signals} - ALWAYS_CARRIED
    return tuple(sorted(signals)), tuple(sorted({value for c in conditions for value in c.registry}))


def _presence(signals: tuple[str, ...], registry: tuple[str, ...]) -> str:
    tests = [f"r.{signal} is not None" for signal in signals]
    if registry:
        tests += ["v is not None", *(f"v.{value} is not None" for value in registry)]
    return " and ".join(tests) or "True"


def _suspicion(rule: Rule) -> str:
    text = " and ".join(f"({c.source})" for c in (rule.level, rule.when) if c is not None)
    return _REGISTERED.sub(r"v.\1", text)
