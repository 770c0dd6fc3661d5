"""All rules at one driving reading: episodes go in, episodes and alerts come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.alert import Alert, alert_id
from rules.episode import Change, begin, end, follow, has_cooled_down, has_lost_signal, pend
from rules.message import message
from rules.moment import holds

if TYPE_CHECKING:
    from contracts.vehicle_state import Episode, VehicleState
    from rules.moment import Moment
    from rules.rule import Rule, Rules


def evaluate(state: VehicleState, rules: Rules, moment: Moment) -> list[Alert]:
    """Move every episode of a vehicle by one driving reading, in place; give the alerts, in the order of the rules."""
    trip = moment.reading.trip_started_at_ms
    episodes = {
        episode.key: episode
        for episode in state.episodes
        if episode.phase != "pending" or episode.trip_started_at_ms == trip  # a new trip clears what is pending
    }
    alerts: list[Alert] = []
    for rule in rules.levels:
        alerts += _at_level(episodes, rule, rules, moment)
    if rules.trouble_codes:
        alerts += _at_trouble_codes(episodes, rules, moment)
    alerts += _of_removed_rules(episodes, rules, moment)
    state.episodes = list(episodes.values())
    return alerts


def _at_level(episodes: dict[str, Episode], rule: Rule, rules: Rules, moment: Moment) -> list[Alert]:
    episode = _warm(episodes, rule.name, rule, moment.at_ms)
    if not moment.carries(rule):
        return _without_signal(episode, rule, rules, moment)
    registry = episode.registry if episode is not None else moment.registry(rule)
    if any(value is None for value in registry.values()):
        return []
    is_level = holds(rule.level, moment, registry) and holds(rule.when, moment, registry)
    if episode is not None and episode.phase == "open":
        is_clear = (
            holds(rule.clear, moment, registry)
            if rule.clear is not None
            else (holds(rule.when, moment, registry) and not is_level)
        )
        return _told(follow(episode, rule, moment, is_clear=is_clear), episode, rule, rules, moment)
    return _pending(episodes, rule.name, rule, rules, moment, is_level=is_level)


def _at_trouble_codes(episodes: dict[str, Episode], rules: Rules, moment: Moment) -> list[Alert]:
    active = moment.reading.trouble_codes
    known = [episode for episode in episodes.values() if episode.key.partition(":")[2]]
    alerts: list[Alert] = []
    for code in dict.fromkeys((*(active or ()), *(episode.trouble_code or "" for episode in known))):
        rule = rules.rule_of_code(code)
        if rule is None:
            continue
        key = f"{rule.name}:{code}"
        episode = _warm(episodes, key, rule, moment.at_ms)
        if active is None:
            alerts += _without_signal(episode, rule, rules, moment)
        elif episode is not None and episode.phase == "open":
            change = follow(episode, rule, moment, is_clear=code not in active)
            alerts += _told(change, episode, rule, rules, moment)
        else:
            alerts += _pending(episodes, key, rule, rules, moment, is_level=code in active, code=code)
    return alerts


def _warm(episodes: dict[str, Episode], key: str, rule: Rule, at_ms: int) -> Episode | None:
    """Give the episode; one that has cooled down is forgotten."""
    episode = episodes.get(key)
    if episode is not None and episode.phase == "cooldown" and has_cooled_down(episode, rule, at_ms):
        del episodes[key]
        return None
    return episode


def _pending(  # noqa: PLR0913 - the rule's whole situation
    episodes: dict[str, Episode],
    key: str,
    rule: Rule,
    rules: Rules,
    moment: Moment,
    *,
    is_level: bool,
    code: str | None = None,
) -> list[Alert]:
    episode = episodes.get(key)
    if episode is not None and episode.phase == "cooldown":
        return []
    if not is_level:
        episodes.pop(key, None)
        return []
    if episode is None:
        episode = episodes[key] = begin(rule, key, moment, code=code)
    return _told(pend(episode, rule, moment), episode, rule, rules, moment)


def _without_signal(episode: Episode | None, rule: Rule, rules: Rules, moment: Moment) -> list[Alert]:
    if episode is None or episode.phase != "open" or not has_lost_signal(episode, moment.at_ms):
        return []
    return _told(end(episode, moment.at_ms, "signal_lost"), episode, rule, rules, moment)


def _of_removed_rules(episodes: dict[str, Episode], rules: Rules, moment: Moment) -> list[Alert]:
    """End the episodes whose rule a newer rule file no longer has, or no longer gives that trouble code to."""
    alerts: list[Alert] = []
    for key in [key for key in episodes if not _is_in_force(key, rules)]:
        episode = episodes.pop(key)
        if episode.phase == "open":
            alerts.append(_alert(end(episode, moment.at_ms, "rule_removed"), episode, None, rules, moment))
    return alerts


def _is_in_force(key: str, rules: Rules) -> bool:
    name, _, code = key.partition(":")
    rule = rules.rule_of_code(code) if code else rules.by_name.get(name)
    return rule is not None and rule.name == name and (bool(code) or rule.level is not None)


def _told(change: Change | None, episode: Episode, rule: Rule, rules: Rules, moment: Moment) -> list[Alert]:
    return [] if change is None else [_alert(change, episode, rule, rules, moment)]


def _alert(change: Change, episode: Episode, rule: Rule | None, rules: Rules, moment: Moment) -> Alert:
    reading = moment.reading
    return Alert(
        alert_id=alert_id(reading.vehicle_id, episode.key, episode.trip_started_at_ms, episode.sequence),
        change=episode.change,
        vehicle_id=reading.vehicle_id,
        rule=episode.key.partition(":")[0],
        rules_hash=rules.hash,
        severity=episode.severity or "info",
        state=change.state,
        raised_at_ms=episode.raised_at_ms or moment.at_ms,
        changed_at_ms=moment.at_ms,
        received_at_ms=moment.received_at_ms,
        partition=moment.partition,
        offset=moment.offset,
        message=message(rule, episode, change),
        trouble_code=episode.trouble_code,
        clear_reason=change.reason,
        evidence=episode.evidence,
        worst=episode.worst,
        latitude_deg=reading.latitude_deg,
        longitude_deg=reading.longitude_deg,
    )
