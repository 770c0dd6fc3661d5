"""How well the alerts found the faults that were injected: detected, missed, false, and how soon. Pure.

An alert is judged by its car and its time: within a fault (or `slack_ms` after its end) it is *expected* where its
rule is the one that the truth names and *related* where it is another, such as an early warning or the trouble code
that comes with it. Any other alert is *false*.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contracts.alert import Alert
from simulator.faults.truth import TruthLine

_FOREVER_MS = 2**62
NO_RULE = "(none)"
"""Faults that must raise nothing."""


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert from its raising to its clearing, in event time (epoch milliseconds); None while it is open."""

    vehicle_id: str
    rule: str
    raised_at_ms: int
    cleared_at_ms: int | None = None


@dataclass(slots=True)
class RuleScore:
    """What became of the faults that one rule is expected to find, and of that rule's alerts."""

    rule: str
    injected: int = 0
    reached: int = 0
    """Those that lasted long enough for the rule's condition; the others can be found but not missed."""
    detected: int = 0
    detected_of_reached: int = 0
    related: int = 0
    false_alarms: int = 0
    seconds_to_detect: list[float] = field(default_factory=list)

    @property
    def missed(self) -> int:
        """Faults that nobody was told of."""
        return self.reached - self.detected_of_reached

    @property
    def recall(self) -> float | None:
        """The share of those that reached the rule's condition that was detected; None of none."""
        return self.detected_of_reached / self.reached if self.reached else None

    def within_s(self, share: float) -> float | None:
        """Give the seconds within which this share of the detected faults was (nearest rank); None of none."""
        ascending = sorted(self.seconds_to_detect)
        return ascending[max(0, math.ceil(share * len(ascending)) - 1)] if ascending else None


def episodes(changes: Iterable[Alert]) -> list[Episode]:
    """Fold the changes of alerts, repeated and in any order, into one episode each."""
    raised: dict[str, Alert] = {}
    cleared_at_ms: dict[str, int] = {}
    for change in changes:
        raised.setdefault(change.alert_id, change)
        if change.state == "cleared":
            cleared_at_ms[change.alert_id] = change.changed_at_ms
    return [
        Episode(each.vehicle_id, each.rule, each.raised_at_ms, cleared_at_ms.get(name)) for name, each in raised.items()
    ]


def scores(truth: Sequence[TruthLine], alerts: Iterable[Episode], *, slack_ms: int) -> list[RuleScore]:
    """Score each rule that the truth expects or that raised something, by name."""
    found: dict[str, RuleScore] = {}
    of_car: dict[str, list[Episode]] = defaultdict(list)
    for episode in alerts:
        of_car[episode.vehicle_id].append(episode)
    for fault in truth:
        rule = fault.rule or NO_RULE
        score = found.setdefault(rule, RuleScore(rule))
        score.injected += 1
        after_ms = _detected_after_ms(fault, of_car[fault.vehicle_id], slack_ms)
        has_reached = fault.rule is not None and fault.reached_at_ms is not None
        score.reached += has_reached
        if after_ms is not None:
            score.detected += 1
            score.detected_of_reached += has_reached
            score.seconds_to_detect.append(after_ms / 1000)
    faults_of: dict[str, list[TruthLine]] = defaultdict(list)
    for fault in truth:
        faults_of[fault.vehicle_id].append(fault)
    for vehicle_id, raised in of_car.items():
        for episode in raised:
            _judge(episode, faults_of[vehicle_id], found.setdefault(episode.rule, RuleScore(episode.rule)), slack_ms)
    return [found[rule] for rule in sorted(found)]


def total(of_rules: Iterable[RuleScore]) -> RuleScore:
    """Add the rules up; what must raise nothing counts neither as found nor as missed."""
    whole = RuleScore("all")
    for score in of_rules:
        whole.false_alarms += score.false_alarms
        whole.related += score.related
        if score.rule != NO_RULE:
            whole.injected += score.injected
            whole.reached += score.reached
            whole.detected += score.detected
            whole.detected_of_reached += score.detected_of_reached
            whole.seconds_to_detect += score.seconds_to_detect
    return whole


def _judge(episode: Episode, faults: Iterable[TruthLine], score: RuleScore, slack_ms: int) -> None:
    explaining = [fault.rule for fault in faults if fault.rule and _is_within(episode, fault, slack_ms)]
    if not explaining:
        score.false_alarms += 1
    elif episode.rule not in explaining:
        score.related += 1


def _is_within(episode: Episode, fault: TruthLine, slack_ms: int) -> bool:
    return fault.started_at_ms <= episode.raised_at_ms <= _ends_ms(fault) + slack_ms


def _ends_ms(fault: TruthLine) -> int:
    return _FOREVER_MS if fault.ended_at_ms is None else fault.ended_at_ms


def _detected_after_ms(fault: TruthLine, of_car: Iterable[Episode], slack_ms: int) -> int | None:
    """Give how long after the fault's onset its rule told of it; 0 where it had not yet cleared from before."""
    after_ms = [
        max(episode.raised_at_ms - fault.started_at_ms, 0)
        for episode in of_car
        if episode.rule == fault.rule
        and episode.raised_at_ms <= _ends_ms(fault) + slack_ms
        and (episode.cleared_at_ms is None or episode.cleared_at_ms >= fault.started_at_ms)
    ]
    return min(after_ms, default=None)
