"""What lets a healthy reading pass at the cost of its decoding, made from the rules.

Two nets. The first is the decoder: it takes a reading only where every signal lies in the band in which no rule's
threshold on it is crossed, and where the few rules without such a threshold are not met. What it does not let pass, as
a cold engine, the second looks at rule by rule. Either may call a healthy reading unusual (then the rules look at it in
full), never the other way round.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from contracts.signals import narrowed_reading
from rules.expression import ALWAYS_CARRIED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from contracts.reading import Reading
    from contracts.signals import Range
    from contracts.vehicle import Vehicle
    from rules.expression import Threshold
    from rules.rule import Rule, Rules

    Filter = Callable[[Reading, Mapping[str, Vehicle]], bool]
    Met = Callable[[Reading, Mapping[str, Vehicle]], Collection[str]]

_REGISTERED = re.compile(r"\bg\['(\w+)'\]")
_FUNCTIONS = {"min": min, "max": max, "abs": abs}


class HealthyNet(NamedTuple):
    """Both nets; the registry of vehicles is an argument."""

    decode: Callable[[bytes], Reading]
    """The first net's decoder; raises whatever a decoder can raise."""
    passes_rest: Filter
    """True when no rule that the decoder says nothing of is met at a reading that it took."""
    is_healthy: Filter
    """The second net: True when no rule's level can hold at this reading."""


def healthy_net(rules: Rules) -> HealthyNet:
    """Make the nets of a rule file."""
    banded = {rule.name: rule.level.thresholds[0] for rule in rules.levels if rule.level and rule.level.thresholds}
    rest = [rule for rule in rules.levels if rule.name not in banded]
    return HealthyNet(
        _decoder(tuple(sorted(_bands(banded.values()).items()))),
        _compiled(_net(rest)),
        healthy_filter(rules),
    )


def healthy_filter(rules: Rules) -> Filter:
    """Compile the second net: True when no rule's level can hold at this reading of this vehicle."""
    compiled: Filter = _compiled(_net(rules.levels, "  if r.trouble_codes: return False"))
    return compiled


@lru_cache(maxsize=8)
def _decoder(bands: tuple[tuple[str, Range], ...]) -> Callable[[bytes], Reading]:
    """Make the decoder; remembered, as every partition of a worker has the same rules."""
    return msgspec.json.Decoder(narrowed_reading(dict(bands))).decode


@lru_cache(maxsize=16)
def _compiled(source: str) -> Any:
    scope: dict[str, Any] = dict(_FUNCTIONS)
    exec(source, scope)  # noqa: S102 - made of whitelisted conditions only
    return scope["judge"]


def _bands(thresholds: Iterable[Threshold]) -> dict[str, Range]:
    """Give the band of each signal outside of every threshold; a value on a threshold is left to the second net."""
    by_signal = sorted(thresholds, key=lambda threshold: threshold.signal)
    return {name: _band(list(group)) for name, group in groupby(by_signal, key=lambda threshold: threshold.signal)}


def _band(thresholds: list[Threshold]) -> Range:
    low = max((t.value for t in thresholds if not t.is_upper), default=-inf)
    high = min((t.value for t in thresholds if t.is_upper), default=inf)
    return low, high


def met_rules(rules: Rules) -> Met:
    """Compile what names the rules whose level holds, enabled, at a reading; it may name more, never fewer."""
    lines = ["def judge(r, registry):", "  met = set()", *_by_needs(rules.levels, "met.add({name!r})")]
    every = {rule.name for rule in rules.levels}
    compiled: Met = _compiled(
        "\n".join([*lines, f"  except ArithmeticError: return {every or 'set()'}", "  return met"])
    )
    return compiled


def _net(rules: Iterable[Rule], *first: str) -> str:
    """Write a net rule by rule."""
    lines = ["def judge(r, registry):", *first, *_by_needs(rules, "return False")]
    return "\n".join([*lines, "  except ArithmeticError: return False", "  return True"])


def _by_needs(rules: Iterable[Rule], then: str) -> list[str]:
    """Write what is done where a rule's level holds; rules that need the same signals share the test for presence."""
    ordered = sorted(rules, key=_needs)
    lines = ["  try:", "    pass"]
    if any(rule.registry for rule in ordered):
        lines.append("    v = registry.get(r.vehicle_id)")
    for needs, group in groupby(ordered, key=_needs):
        lines.append(f"    if {_presence(*needs)}:")
        lines += [f"      if {_suspicion(rule)}: {then.format(name=rule.name)}" for rule in group]
    return lines


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
