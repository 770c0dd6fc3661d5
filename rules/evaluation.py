"""The rules over levels and trouble codes at one driving reading: episodes go in, episodes and alerts come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.limits import MANY_CODES, MOST_CODE_EPISODES, charge
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
    codes = (moment.reading.trouble_codes or ()) if rules.trouble_codes else ()
    looked_at = len(state.episodes) + len(codes)
    charge(state, moment.received_at_ms, episodes=looked_at, changes=len(progress.alerts))
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
    active, followed = progress.moment.reading.trouble_codes, progress.followed_codes()
    outlasting = [code for code, episode in followed.items() if episode.phase != "pending"]
    lasting = {*outlasting, *followed.keys() & set(active or ())}
    new = [code for code in dict.fromkeys(active or ()) if code not in lasting and progress.rules.rule_of_code(code)]
    beyond = set(new[max(0, MOST_CODE_EPISODES - len(lasting)) :])
    for code in dict.fromkeys((*(active or ()), *followed)):
        rule = progress.rules.rule_of_code(code)
        if rule is not None and code not in beyond:
            _at_trouble_code(progress, rule, code, active)
    if active is not None:
        _at_many_codes(progress, is_beyond=bool(beyond))


def _at_trouble_code(progress: Progress, rule: Rule, code: str, active: tuple[str, ...] | None) -> None:
    key = f"{rule.name}:{code}"
    episode = progress.episodes.get(key)
    if active is None:
        progress.without_signal(episode, rule)
    elif episode is not None and episode.phase == "open":
        progress.follow(episode, rule, {}, is_clear=code not in active)
    else:
        progress.pend(key, rule, {}, is_level=code in active, code=code)


def _at_many_codes(progress: Progress, *, is_beyond: bool) -> None:
    """Tell that codes are not followed; ended only when there has been room for all of them for a while."""
    episode = progress.episode(MANY_CODES.name, MANY_CODES)
    if episode is not None and episode.phase == "open":
        progress.follow(episode, MANY_CODES, {}, is_clear=not is_beyond)
    elif is_beyond or episode is not None:
        progress.pend(MANY_CODES.name, MANY_CODES, {}, is_level=is_beyond)
