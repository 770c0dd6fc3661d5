"""All episodes of one vehicle at one driving reading: moved by their conditions, their changes told as alerts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.alert import Alert, alert_id
from rules.episode import Change, begin, end, follow, has_cooled_down, has_lost_signal, pend
from rules.limits import MANY_CODES, SET_APART
from rules.message import message
from rules.rule import FOLD_VERSION

if TYPE_CHECKING:
    from contracts.vehicle_state import Episode, VehicleState
    from rules.expression import RegistryValues
    from rules.moment import Moment
    from rules.rule import Rule, Rules


@dataclass(slots=True)
class Progress:
    """What happens at one reading. `episodes` by key; `alerts` in the order in which they came about."""

    rules: Rules
    moment: Moment
    episodes: dict[str, Episode]
    alerts: list[Alert] = field(default_factory=list)

    @classmethod
    def of(cls, state: VehicleState, rules: Rules, moment: Moment) -> Progress:
        """Take a vehicle's episodes up; a new trip has cleared what was pending."""
        trip = moment.reading.trip_started_at_ms
        kept = (e for e in state.episodes if e.phase != "pending" or e.trip_started_at_ms == trip)
        return cls(rules, moment, {episode.key: episode for episode in kept})

    def followed_codes(self) -> dict[str, Episode]:
        """Return the trouble codes that have an episode; what has cooled down is forgotten."""
        found: dict[str, Episode] = {}
        for key in list(self.episodes):
            name, _, code = key.partition(":")
            rule = self.rules.rule_of_code(code) if code else None
            if rule is not None and rule.name == name and (episode := self.episode(key, rule)) is not None:
                found[code] = episode
        return found

    def episode(self, key: str, rule: Rule) -> Episode | None:
        """Give the episode with this key; one that has cooled down is forgotten."""
        episode = self.episodes.get(key)
        if episode is not None and episode.phase == "cooldown" and has_cooled_down(episode, rule, self.moment):
            del self.episodes[key]
            return None
        return episode

    def without_signal(self, episode: Episode | None, rule: Rule) -> None:
        """Pass a reading that says nothing to the rule; an open episode ends after a day of them."""
        if episode is not None and episode.phase == "open" and has_lost_signal(episode, self.moment.at_ms):
            self.tell(end(episode, self.moment, "signal_lost"), episode, rule)

    def follow(self, episode: Episode, rule: Rule, values: RegistryValues, *, is_clear: bool) -> None:
        """Move an open episode."""
        self.tell(follow(episode, rule, self.moment, values, is_clear=is_clear), episode, rule)

    def pend(self, key: str, rule: Rule, values: RegistryValues, *, is_level: bool, code: str | None = None) -> None:
        """Move an episode that is not open: it begins, lasts, is raised, or is over; in cooldown nothing begins."""
        episode = self.episodes.get(key)
        if episode is not None and episode.phase == "cooldown":
            return
        if not is_level:
            self.episodes.pop(key, None)
            return
        if episode is None:
            episode = self.episodes[key] = begin(rule, key, self.moment, values, code=code)
        severity = self.rules.severity_of(rule, episode.trouble_code)
        self.tell(pend(episode, rule, self.moment, values, severity), episode, rule)

    def end_removed(self) -> None:
        """End the episodes whose rule a newer rule file no longer has, or no longer gives that trouble code to."""
        for key in [key for key in self.episodes if not _is_in_force(key, self.rules)]:
            episode = self.episodes.pop(key)
            if episode.phase == "open":
                self.tell(end(episode, self.moment, "rule_removed"), episode, None)

    def tell(self, change: Change | None, episode: Episode, rule: Rule | None) -> None:
        """Add the alert of a change, if there was one."""
        if change is not None:
            self.alerts.append(_alert(change, episode, rule, self.rules, self.moment))


def _is_in_force(key: str, rules: Rules) -> bool:
    name, _, code = key.partition(":")
    if key == MANY_CODES.name:
        return bool(rules.trouble_codes)
    rule = rules.rule_of_code(code) if code else rules.by_name.get(name)
    return rule is not None and rule.name == name and (bool(code) or rule.level is not None)


def apart_alert(episode: Episode, change: Change, rules: Rules, moment: Moment) -> Alert:
    """Return the alert of a vehicle that is set apart, or judged again."""
    return _alert(change, episode, SET_APART, rules, moment)


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
        fold_version=FOLD_VERSION,
    )
