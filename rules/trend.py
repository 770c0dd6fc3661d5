"""Trends and live averages: a vehicle is sampled every 30 s of event time, so a reading between costs one comparison.

A trend's `change` is the median of its three latest samples less the median of its three earliest within the window:
one wrong sample moves neither. It is judged only when the window is nearly full, so the window is its duration.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from contracts.definitions import AVERAGING_WINDOW_MS, litres_per_100km
from contracts.vehicle_state import LiveAverages, Sample, Trend
from rules.expression import CHANGE
from rules.moment import holds
from rules.progress import Progress

if TYPE_CHECKING:
    from contracts.alert import Alert
    from contracts.vehicle_state import VehicleState
    from rules.moment import Moment
    from rules.rule import Rule, Rules

SAMPLE_MS: Final = 30_000
_SAMPLES_A_WINDOW: Final = 10
_ENDS: Final = 3
_FULL: Final = 0.8


def sample(state: VehicleState, rules: Rules, moment: Moment) -> list[Alert]:
    """Sample a vehicle at a driving reading that is due, in place; give the alerts of its trends."""
    state.sample_due_ms = moment.at_ms + SAMPLE_MS
    _average(state, moment)
    if not rules.trends:
        return []
    progress = Progress.of(state, rules, moment)
    trends = {trend.key: trend for trend in state.trends}
    state.trends = [trend for rule in rules.trends if (trend := _follow(progress, rule, trends.get(rule.name)))]
    state.episodes = list(progress.episodes.values())
    return progress.alerts


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


def _follow(progress: Progress, rule: Rule, trend: Trend | None) -> Trend | None:
    moment = progress.moment
    episode = progress.episode(rule.name, rule)
    if not moment.carries(rule):
        progress.without_signal(episode, rule)
        return trend
    values = moment.registry(rule) if episode is None else dict(episode.registry)
    if any(value is None for name, value in values.items() if name != CHANGE):
        return trend
    trend = trend or Trend(rule.name)
    change = _change(trend, rule, moment)
    if change is None:
        return trend if trend.samples else None
    values[CHANGE] = change
    is_level = holds(rule.level, moment, values)
    if episode is not None and episode.phase == "open":
        is_clear = not is_level if rule.clear is None else holds(rule.clear, moment, values)
        progress.follow(episode, rule, values, is_clear=is_clear)
    else:
        progress.pend(rule.name, rule, values, is_level=is_level)
    return trend


def _change(trend: Trend, rule: Rule, moment: Moment) -> float | None:
    """Add a sample where one is due; give the change over the window, None until the window is nearly full.

    The window is broken where the enabling condition does not hold.
    """
    if not holds(rule.when, moment, moment.registry(rule)) or rule.value is None:
        trend.samples = []
        return None
    samples = [kept for kept in trend.samples if kept[0] >= moment.at_ms - rule.window_ms]
    if not samples or moment.at_ms - samples[-1][0] >= rule.window_ms // _SAMPLES_A_WINDOW:
        try:
            samples.append((moment.at_ms, float(rule.value.holds(moment.reading, moment.registry(rule)))))  # type: ignore[arg-type]
        except ArithmeticError:
            return None
    trend.samples = samples
    if samples[-1][0] - samples[0][0] < rule.window_ms * _FULL or len(samples) < 2 * _ENDS:
        return None
    values = [value for _, value in samples]
    return round(median(values[-_ENDS:]) - median(values[:_ENDS]), 3)
