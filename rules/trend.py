"""Trends and live averages: a vehicle is sampled every 30 s of event time, so a reading between costs one comparison.

A trend's `change` is the median of its three latest samples less the median of its three earliest within the window:
one wrong sample moves neither. It is judged only when the window is nearly full, so the window is its duration.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

from contracts.definitions import AVERAGING_WINDOW_MS, litres_per_100km
from contracts.vehicle_state import LiveAverages, Sample, Trend
from rules.expression import CHANGE
from rules.limits import MOST_AVERAGED, MOST_OF_TREND
from rules.moment import holds
from rules.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.alert import Alert
    from contracts.vehicle_state import VehicleState
    from rules.expression import RegistryValues
    from rules.moment import Moment
    from rules.rule import Rule, Rules

SAMPLE_MS: Final = 30_000
_FULL: Final = 0.8
_FEWEST: Final = 6
"""Samples: three at each end of the window."""
_STEPS: Final = MOST_OF_TREND - 2
"""A window longer than two hours is sampled so often."""


def sample(state: VehicleState, rules: Rules, moment: Moment) -> list[Alert]:
    """Sample a vehicle at a driving reading that is due, in place; give the alerts of its trends."""
    state.sample_due_ms = moment.at_ms + SAMPLE_MS
    _average(state, moment)
    alerts: list[Alert] = []
    followed = {episode.key for episode in state.episodes}
    for rule in rules.trends:
        alerts += _follow(state, rule, rules, moment, is_followed=rule.name in followed)
    return alerts


def restart(state: VehicleState) -> None:
    """Forget the samples: a new trip begins with counters of its own."""
    state.samples, state.trends, state.averages, state.sample_due_ms = [], [], None, 0


def _average(state: VehicleState, moment: Moment) -> None:
    reading = moment.reading
    latest = Sample(moment.at_ms, reading.trip_distance_m, reading.trip_fuel_ml, reading.coolant_c)
    samples, horizon_ms = state.samples, moment.at_ms - AVERAGING_WINDOW_MS
    while samples and samples[0].at_ms < horizon_ms:
        del samples[0]
    samples.append(latest)
    del samples[:-MOST_AVERAGED]
    first = samples[0]
    elapsed_ms = latest.at_ms - first.at_ms
    if elapsed_ms <= 0:
        return
    distance_m = latest.distance_m - first.distance_m
    fuel_ml = None if latest.fuel_ml is None or first.fuel_ml is None else latest.fuel_ml - first.fuel_ml
    coolants = [s.coolant_c for s in samples if s.coolant_c is not None]
    state.averages = LiveAverages(
        speed_kmh=round(distance_m / elapsed_ms * 3_600, 1),
        litres_per_100km=_rounded(None if fuel_ml is None else litres_per_100km(distance_m, fuel_ml)),
        coolant_c=_rounded(sum(coolants) / len(coolants) if coolants else None),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _follow(state: VehicleState, rule: Rule, rules: Rules, moment: Moment, *, is_followed: bool) -> Sequence[Alert]:
    """Sample one trend; only where it holds, or is being followed already, is there more to do."""
    if not moment.carries(rule):
        return _lost(state, rule, rules, moment) if is_followed else ()
    values = moment.registry(rule)
    if None in values.values():
        return ()
    if not holds(rule.when, moment, values):
        state.trends = [trend for trend in state.trends if trend.key != rule.name]  # the window is broken
        return ()
    change = _change(_trend(state, rule), rule, moment, values)
    if change is None:
        return ()
    values[CHANGE] = change
    is_level = holds(rule.level, moment, values)
    return _judged(state, rule, rules, moment, values, is_level=is_level) if is_level or is_followed else ()


def _trend(state: VehicleState, rule: Rule) -> Trend:
    for trend in state.trends:
        if trend.key == rule.name:
            return trend
    state.trends.append(Trend(rule.name))
    return state.trends[-1]


def _change(trend: Trend, rule: Rule, moment: Moment, values: RegistryValues) -> float | None:
    """Add a sample; give the change over the window, None until the window is nearly full."""
    assert rule.value is not None  # noqa: S101 - the rule file's reader has looked
    try:
        latest = float(rule.value.holds(moment.reading, values))  # type: ignore[arg-type]
    except ArithmeticError:
        return None
    if not isfinite(latest):
        return None
    samples, horizon_ms = trend.samples, moment.at_ms - rule.window_ms
    while samples and samples[0][0] < horizon_ms:
        del samples[0]
    if samples and 0 <= moment.at_ms - samples[-1][0] < rule.window_ms // _STEPS:
        return None
    samples.append((moment.at_ms, latest))
    del samples[:-MOST_OF_TREND]
    if len(samples) < _FEWEST or moment.at_ms - samples[0][0] < rule.window_ms * _FULL:
        return None
    first = _median(samples[0][1], samples[1][1], samples[2][1])
    last = _median(samples[-3][1], samples[-2][1], samples[-1][1])
    change = last - first
    return round(change, 3) if isfinite(change) else None


def _median(one: float, another: float, third: float) -> float:
    return max(min(one, another), min(max(one, another), third))


def _judged(
    state: VehicleState, rule: Rule, rules: Rules, moment: Moment, values: RegistryValues, *, is_level: bool
) -> list[Alert]:
    progress = Progress.of(state, rules, moment)
    episode = progress.episode(rule.name, rule)
    if episode is not None and episode.phase == "open":
        begun = {name: value for name, value in episode.registry.items() if value is not None and name != CHANGE}
        fixed = values | {name: begun[name] for name in values.keys() & begun.keys()}
        is_clear = not is_level if rule.clear is None else holds(rule.clear, moment, fixed)
        progress.follow(episode, rule, fixed, is_clear=is_clear)
    else:
        progress.pend(rule.name, rule, values, is_level=is_level)
    state.episodes = list(progress.episodes.values())
    return progress.alerts


def _lost(state: VehicleState, rule: Rule, rules: Rules, moment: Moment) -> list[Alert]:
    progress = Progress.of(state, rules, moment)
    progress.without_signal(progress.episode(rule.name, rule), rule)
    state.episodes = list(progress.episodes.values())
    return progress.alerts
