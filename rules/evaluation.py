"""The rules over levels and trouble codes at one driving reading: episodes go in, episodes and alerts come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rules.limits import MANY_CODES, MOST_CODE_EPISODES, charge
from rules.moment import holds
from rules.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Collection

    from contracts.alert import Alert
    from contracts.vehicle_state import VehicleState
    from rules.moment import Moment
    from rules.rule import Rule, Rules


class Told(NamedTuple):
    """What follows from one driving reading."""

    alerts: list[Alert]
    """In the order of the rules."""
    code_changes: int
    """How many of them tell changes of trouble codes, and how many codes began to be followed."""
    codes_waiting: int
    """Trouble codes that are followed once the partition has room for them."""
    work_us: int
    """What it has cost."""


def evaluate(state: VehicleState, rules: Rules, moment: Moment, *, met: Collection[str], code_room: int) -> Told:
    """Move every episode of a vehicle by one driving reading, in place.

    A rule that has no episode and is not among those `met` has nothing to do. Of trouble codes that are not told yet
    there are as many followed as leave the vehicle with at most `code_room`.
    """
    progress = Progress.of(state, rules, moment)
    for rule in rules.levels:
        if rule.name in met or rule.name in progress.episodes:
            _at_level(progress, rule)
    changes = waiting = 0
    if rules.trouble_codes:
        changes, waiting = _at_trouble_codes(progress, code_room)
    progress.end_removed()
    state.episodes = list(progress.episodes.values())
    codes = (moment.reading.trouble_codes or ()) if rules.trouble_codes else ()
    looked_at = len(state.episodes) + len(codes)
    work_us = charge(state, moment.received_at_ms, episodes=looked_at, changes=len(progress.alerts))
    return Told(progress.alerts, changes, waiting, work_us)


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


def _at_trouble_codes(progress: Progress, room: int) -> tuple[int, int]:
    """Move the episodes of trouble codes; return how many began or told a change, and how many codes wait for room.

    What is pending waits as what is new does: it stays as it is, and goes on with the next reading that finds room.
    """
    told_before = len(progress.alerts)
    active, followed = progress.moment.reading.trouble_codes, progress.followed_codes()
    outlasting = [code for code, episode in followed.items() if episode.phase != "pending"]
    to_tell = _to_tell(progress, [*followed, *(active or ())], outlasting)
    left = max(0, room - len(outlasting))
    if len(to_tell) > left:
        to_tell.sort(key=progress.rules.rank_of_code)
    begun = sum(code not in followed for code in to_tell[:left])
    beyond = set(to_tell[left:])
    never = to_tell[max(0, MOST_CODE_EPISODES - len(outlasting)) :]
    for code in dict.fromkeys((*(active or ()), *followed)):
        rule = progress.rules.rule_of_code(code)
        if rule is not None and code not in beyond:
            _at_trouble_code(progress, rule, code, active)
    changes = begun + len(progress.alerts) - told_before
    if active is not None:
        _at_many_codes(progress, is_beyond=bool(never))
    return changes, len(beyond) - len(never)


def _to_tell(progress: Progress, codes: Collection[str], outlasting: Collection[str]) -> list[str]:
    """Return which of these codes are active, have a rule and are not told yet, each once."""
    active, told = set(progress.moment.reading.trouble_codes or ()), set(outlasting)
    found = (code for code in dict.fromkeys(codes) if code in active and code not in told)
    return [code for code in found if progress.rules.rule_of_code(code)]


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
