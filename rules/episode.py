"""One rule's episode at one vehicle: pending while its condition is held, open until readings clear it, cooling down.

*Held* means true at every driving reading that carries all the rule's signals, with gaps of at most 10 s; a reading
that lacks a signal neither breaks nor extends; a longer gap restarts the timer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from contracts.alert import SEVERITIES, AlertState, ClearReason, Severity
from contracts.vehicle_state import Episode
from rules.moment import holds
from rules.rule import LONGEST_GAP_MS, SIGNAL_LOST_MS, Escalation, Rule

if TYPE_CHECKING:
    from rules.expression import RegistryValues
    from rules.moment import Moment


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an episode, to be told in an alert; `reason` only where it was cleared."""

    state: AlertState
    reason: ClearReason | None = None


def begin(rule: Rule, key: str, moment: Moment, values: RegistryValues, *, code: str | None = None) -> Episode:
    """Start the pending hold at this reading, which gives the episode its identity; registry values are fixed."""
    return Episode(
        key=key,
        phase="pending",
        trip_started_at_ms=moment.reading.trip_started_at_ms,
        sequence=moment.reading.sequence,
        since_ms=moment.at_ms,
        seen_at_ms=moment.at_ms,
        registry=values,
        trouble_code=code or rule.trouble_code,
    )


def pend(episode: Episode, rule: Rule, moment: Moment, values: RegistryValues, severity: Severity) -> Change | None:
    """Extend a pending hold by a reading at which the condition holds; raise the alert when it has lasted."""
    if is_gap(episode.seen_at_ms, moment.at_ms):
        _restart(episode, rule, moment)
    episode.seen_at_ms = moment.at_ms
    if moment.at_ms < episode.since_ms + rule.for_ms:
        return None
    episode.phase = "open"
    episode.change = 1
    episode.severity = severity
    episode.raised_at_ms = moment.at_ms
    episode.evidence = episode.worst = moment.evidence(rule, values)
    episode.worst_excess = _excess(rule, moment, values)
    return Change("raised")


def _restart(episode: Episode, rule: Rule, moment: Moment) -> None:
    fresh = begin(rule, episode.key, moment, moment.registry(rule), code=episode.trouble_code)
    episode.trip_started_at_ms, episode.sequence = fresh.trip_started_at_ms, fresh.sequence
    episode.since_ms, episode.registry = fresh.since_ms, fresh.registry


def follow(episode: Episode, rule: Rule, moment: Moment, values: RegistryValues, *, is_clear: bool) -> Change | None:
    """Follow an open episode through a reading that carries its signals: it may be cleared, or escalate.

    `values` are the registry values fixed at its start and, for a trend, its change now.
    """
    episode.seen_at_ms = moment.at_ms
    _keep_worst(episode, rule, moment, values)
    if is_clear:
        return _clearing(episode, rule, moment)
    episode.clearing_since_ms = episode.clearing_seen_at_ms = None
    return _escalating(episode, rule, moment)


def _clearing(episode: Episode, rule: Rule, moment: Moment) -> Change | None:
    episode.escalating_since_ms = episode.escalating_seen_at_ms = None
    since = _held_since(episode.clearing_since_ms, episode.clearing_seen_at_ms, moment.at_ms)
    episode.clearing_since_ms, episode.clearing_seen_at_ms = since, moment.at_ms
    return end(episode, moment, "recovered") if moment.at_ms >= since + rule.clear_for_ms else None


def end(episode: Episode, moment: Moment, reason: ClearReason) -> Change:
    """Clear an open episode; from this moment on its cooldown counts."""
    episode.phase = "cooldown"
    episode.since_ms = moment.at_ms
    episode.cleared_received_at_ms = moment.received_at_ms
    episode.change += 1
    return Change("cleared", reason)


def _escalating(episode: Episode, rule: Rule, moment: Moment) -> Change | None:
    step = _worst_step(episode, rule, moment)
    if step is None:
        episode.escalating_since_ms = episode.escalating_seen_at_ms = None
        return None
    since = _held_since(episode.escalating_since_ms, episode.escalating_seen_at_ms, moment.at_ms)
    episode.escalating_since_ms, episode.escalating_seen_at_ms = since, moment.at_ms
    if moment.at_ms < since + step.for_ms:
        return None
    episode.severity = step.severity
    episode.change += 1
    episode.escalating_since_ms = episode.escalating_seen_at_ms = None
    return Change("escalated")


def _worst_step(episode: Episode, rule: Rule, moment: Moment) -> Escalation | None:
    """Return the next worse escalation whose level holds, the mildest first so that severity rises in steps."""
    if not rule.escalations:
        return None
    reached = SEVERITIES.index(episode.severity or rule.severity)
    steps = sorted(rule.escalations, key=lambda step: SEVERITIES.index(step.severity))
    worse = (step for step in steps if SEVERITIES.index(step.severity) > reached)
    if not holds(rule.when, moment, episode.registry):
        return None
    return next((step for step in worse if holds(step.level, moment, episode.registry)), None)


def _held_since(since_ms: int | None, seen_at_ms: int | None, at_ms: int) -> int:
    if since_ms is None or seen_at_ms is None or is_gap(seen_at_ms, at_ms):
        return at_ms
    return since_ms


def _keep_worst(episode: Episode, rule: Rule, moment: Moment, values: RegistryValues) -> None:
    excess = _excess(rule, moment, values)
    if excess is not None and (episode.worst_excess is None or excess > episode.worst_excess):
        episode.worst_excess = excess
        episode.worst = moment.evidence(rule, values)


def _excess(rule: Rule, moment: Moment, values: RegistryValues) -> float | None:
    """Give by how much the first comparison of the level is exceeded; None where that is no finite number."""
    measure = rule.level.excess if rule.level is not None else None
    if measure is None:
        return None
    try:
        excess = float(measure(moment.reading, values))
    except ArithmeticError:
        return None
    return excess if isfinite(excess) else None


def is_gap(seen_at_ms: int, at_ms: int) -> bool:
    """Tell whether a hold is broken between two readings: by silence, or by a clock that was set back."""
    return abs(at_ms - seen_at_ms) > LONGEST_GAP_MS


def has_lost_signal(episode: Episode, at_ms: int) -> bool:
    """Tell whether an open episode's signals have been away for a day."""
    return at_ms - episode.seen_at_ms >= SIGNAL_LOST_MS


def has_cooled_down(episode: Episode, rule: Rule, moment: Moment) -> bool:
    """Return whether a cleared episode's cooldown is over, so that the rule may raise again.

    Event time counts, so that what a car recorded and sends at once is told as it would have been. Where the car's
    clock was set back, broker time does: else a car that sets it back over and over would never have a cooldown.
    """
    if moment.at_ms >= episode.since_ms - LONGEST_GAP_MS:
        return moment.at_ms >= episode.since_ms + rule.cooldown_ms
    cleared_at_ms = episode.cleared_received_at_ms
    if cleared_at_ms is None:  # by a version that did not remember it
        return True
    return not cleared_at_ms - LONGEST_GAP_MS <= moment.received_at_ms < cleared_at_ms + rule.cooldown_ms
