"""The filter that lets a healthy reading pass for a few comparisons, generated from the rules.

It may call a healthy reading suspicious (then the rules look at it in full), never the other way round.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from rules.expression import ALWAYS_CARRIED

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.reading import Reading
    from contracts.vehicle import Vehicle
    from rules.rule import Rule, Rules

    Filter = Callable[[Reading, Vehicle | None], bool]

_SIGNAL = re.compile(r"\br\.(\w+)")
_REGISTERED = re.compile(r"\bg\['(\w+)'\]")


def healthy_filter(rules: Rules) -> Filter:
    """Compile the filter: True when no rule's level can hold at this reading of this vehicle."""
    scope: dict[str, Filter] = {}
    exec("\n".join(filter_source(rules)), {"min": min, "max": max, "abs": abs}, scope)  # noqa: S102 - whitelisted conditions
    return scope["is_healthy"]


def filter_source(rules: Rules) -> list[str]:
    """Write the filter as lines of Python: rules that need the same signals share one test for their presence."""
    lines = ["def is_healthy(r, v):", "  if r.trouble_codes: return False", "  try:", "    pass"]
    sources = " ".join(c.source for rule in rules.levels for c in (rule.level, rule.when) if c is not None)
    used = sorted(set(_SIGNAL.findall(sources)))
    lines += [f"    {signal} = r.{signal}" for signal in used]
    for needs, group in groupby(sorted(rules.levels, key=_needs), key=_needs):
        lines.append(f"    if {_presence(*needs)}:")
        lines += [f"      if {_suspicion(rule)}: return False" for rule in group]
    return [*lines, "  except ArithmeticError: return False", "  return True"]


def _needs(rule: Rule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    conditions = [c for c in (rule.level, rule.when) if c is not None]
    signals = {signal for condition in conditions for signal in condition.signals} - ALWAYS_CARRIED
    return tuple(sorted(signals)), tuple(sorted({value for c in conditions for value in c.registry}))


def _presence(signals: tuple[str, ...], registry: tuple[str, ...]) -> str:
    tests = [f"{signal} is not None" for signal in signals]
    if registry:
        tests.append("v is not None")
        tests += [f"(g_{value} := v.{value}) is not None" for value in registry]
    return " and ".join(tests) or "True"


def _suspicion(rule: Rule) -> str:
    conditions = [c.source for c in (rule.level, rule.when) if c is not None]
    text = " and ".join(f"({source})" for source in conditions)
    return _REGISTERED.sub(r"g_\1", _SIGNAL.sub(r"\1", text))
