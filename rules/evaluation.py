"""The rules over levels and trouble codes at one driving reading: episodes go in, episodes and alerts come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.moment import holds
from rules.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Collection

    from contracts.alert import Alert
    from contracts.vehicle_state import VehicleState
    from rules.moment import Moment
    from rules.rule import Rule, Rules


def evaluate(state: VehicleState, rules: Rules, moment: Moment, *, met: Collection[str]) -> list[Alert]:
    """Move every episode of a vehicle by one driving reading, in place; give the alerts, in the order of the rules.

    A rule that has no episode and is not among those `met` has nothing to do.
    """
    progress = Progress.of(state, rules, moment)
    for rule in rules.levels:
        if rule.name in met or rule.name in progress.episodes:
            _at_level(progress, rule)
    if rules.trouble_codes:
        _at_trouble_codes(progress)
    progress.end_removed()
    state.episodes = list(progress.episodes.values())
    return progress.alerts


def _at_level(progress: Progress, rule: Rule) -> None:
    moment = progress.moment
    episode = progress.episode(rule.name, rule)
    if not moment.carries(rule):
        progress.without_signal(episode, rule)
        return
    values = moment.registry(rule)
    if episode is not None:  # fixed at its start; a newer rule file may read more
        values |= {name: episode.registry[name] for name in values.keys() & episode.registry.keys()}
    if any(value is None for value in values.values()):
        return
    is_enabled = holds(rule.when, moment, values)
    is_level = is_enabled and holds(rule.level, moment, values)
    if episode is not None and episode.phase == "open":
        is_clear = is_enabled and not is_level if rule.clear is None else holds(rule.clear, moment, values)
        progress.follow(episode, rule, values, is_clear=is_clear)
    else:
        progress.pend(rule.name, rule, values, is_level=is_level)


def _at_trouble_codes(progress: Progress) -> None:
    active = progress.moment.reading.trouble_codes
    known = (key.partition(":")[2] for key in progress.episodes)
    for code in dict.fromkeys((*(active or ()), *(code for code in known if code))):
        rule = progress.rules.rule_of_code(code)
        if rule is None:
            continue
        key = f"{rule.name}:{code}"
        episode = progress.episode(key, rule)
        if active is None:
            progress.without_signal(episode, rule)
        elif episode is not None and episode.phase == "open":
            progress.follow(episode, rule, {}, is_clear=code not in active)
        else:
            progress.pend(key, rule, {}, is_level=code in active, code=code)
