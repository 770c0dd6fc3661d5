"""A rule, compiled: what must hold for how long, how it ends, and what a person is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from contracts.alert import SEVERITIES
from rules.trouble_code import meanings

if TYPE_CHECKING:
    from contracts.alert import Severity
    from rules.expression import Expression

Family = Literal["level", "cross_signal", "trend", "trouble_code", "silence"]

FOLD_VERSION: Final = 4
"""Raised whenever the same rules would raise other alerts for the same readings than the code before."""

NEW_VEHICLES_AN_HOUR: Final = 1_000
"""Of one partition, where the rule file says nothing else: a fleet of 12,000 begins within an hour."""

LONGEST_GAP_MS: Final = 10_000
"""A hold survives gaps between readings up to this long."""

SIGNAL_LOST_MS: Final = 24 * 3_600_000
"""An open episode ends when its signals have been away this long."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """A worse condition of the same episode: the alert keeps its id and takes this severity."""

    severity: Severity
    level: Expression
    for_ms: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Durations in milliseconds of event time; a silence rule's `for_ms` is of broker time.

    The episode of a trouble-code rule is one a code (`codes` are prefixes); it has no `level`.
    A trend rule's `level` reads `change`: how much `value` rose over `window_ms`, median to median.
    """

    name: str
    family: Family | Literal["limit"]
    severity: Severity
    message: str
    source: str
    for_ms: int
    clear_for_ms: int
    cooldown_ms: int
    trouble_code: str | None = None
    when: Expression | None = None
    level: Expression | None = None
    clear: Expression | None = None
    escalations: tuple[Escalation, ...] = ()
    codes: tuple[str, ...] = ()
    value: Expression | None = None
    window_ms: int = 0
    signals: tuple[str, ...] = ()
    """Every signal that any of its conditions reads; a reading without one of them says nothing to this rule."""
    optional_signals: tuple[str, ...] = ()
    """Those of them that a reading may lack."""
    registry: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a file, in its order, and the hash of what they say (comments and spaces apart)."""

    rules: tuple[Rule, ...]
    hash: str
    new_vehicles_an_hour: int = NEW_VEHICLES_AN_HOUR
    """How many vehicles of one partition may begin to be watched in an hour of broker time."""
    levels: tuple[Rule, ...] = field(init=False)
    trends: tuple[Rule, ...] = field(init=False)
    trouble_codes: tuple[Rule, ...] = field(init=False)
    silence: Rule | None = field(init=False)
    by_name: dict[str, Rule] = field(init=False)
    _of_code: dict[str, Rule | None] = field(init=False, default_factory=dict, repr=False, compare=False)
    _rank_of_code: dict[str, int] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the rules by how they are evaluated."""
        set_ = object.__setattr__
        set_(self, "levels", tuple(rule for rule in self.rules if rule.family in ("level", "cross_signal")))
        set_(self, "trends", tuple(rule for rule in self.rules if rule.family == "trend"))
        set_(self, "trouble_codes", tuple(rule for rule in self.rules if rule.family == "trouble_code"))
        set_(self, "silence", next((rule for rule in self.rules if rule.family == "silence"), None))
        set_(self, "by_name", {rule.name: rule for rule in self.rules})

    def severity_of(self, rule: Rule, code: str | None) -> Severity:
        """Give the severity to raise with: that of the trouble code where the table knows it, else the rule's."""
        meaning = meanings().get(code or "") if rule.family == "trouble_code" else None
        return rule.severity if meaning is None else meaning.severity

    def rule_of_code(self, code: str) -> Rule | None:
        """Return the first rule, in the order of the file, that has a prefix of this trouble code."""
        try:
            return self._of_code[code]
        except KeyError:
            rule = next((rule for rule in self.trouble_codes if code.startswith(rule.codes)), None)
            self._of_code[code] = rule  # at most 65,536, as a trouble code has five characters of a pattern
            return rule

    def rank_of_code(self, code: str) -> int:
        """Return a number by which trouble codes are sorted, the worst first; those without a rule come last."""
        try:
            return self._rank_of_code[code]
        except KeyError:
            rule = self.rule_of_code(code)
            rank = 1 if rule is None else -SEVERITIES.index(self.severity_of(rule, code))
            self._rank_of_code[code] = rank
            return rank
