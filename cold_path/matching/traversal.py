"""Traversals: one car once over one segment, with time and fuel between its borders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from cold_path.matching.path import Path
from cold_path.matching.progress import at_borders, progress
from cold_path.matching.readings import Flags, Floats, Ints, Readings

_EDGE_M: Final = 10.0
"""A first or last segment that lacks less than this was driven whole."""
_LONGEST_GAP_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Traversals:
    """Columns in driving order; all but `segment` are NaN where it was not driven, or not heard of, as a whole."""

    segment: Ints
    entered_at_ms: Floats
    left_at_ms: Floats
    fuel_ml: Floats
    idle_s: Floats
    is_whole: Flags


def traversals(path: Path, matched: Readings, readings: Readings) -> Traversals:
    """Give the traversals of one chain; `readings` are all of its readings, `matched` those that have a place.

    Between two readings the car is taken to move and burn evenly, so a counter's difference is split by length.
    """
    along_m = progress(path, matched, readings)
    clock = readings.recorded_at_ms.astype(np.float64)
    within = _within(path, along_m)
    time_ms = at_borders(within, along_m, clock)
    fuel_ml = at_borders(within, along_m, readings.fuel_ml)
    idle_s = at_borders(within, along_m, readings.idle_s)
    is_whole = ~np.isnan(time_ms[:-1]) & ~np.isnan(time_ms[1:]) & _is_heard(time_ms, clock)
    return Traversals(
        np.array(path.segments, dtype=np.int64),
        np.where(is_whole, time_ms[:-1], np.nan),
        np.where(is_whole, time_ms[1:], np.nan),
        np.where(is_whole, np.diff(fuel_ml), np.nan),
        np.where(is_whole, np.diff(idle_s), np.nan),
        is_whole,
    )


def _within(path: Path, along_m: Floats) -> Path:
    """Draw the first and last border to where the car was first and last, if that is near."""
    borders = path.borders_m.copy()
    for border, reached in ((0, along_m[0]), (-1, along_m[-1])):
        if abs(borders[border] - reached) <= _EDGE_M:
            borders[border] = reached
    return Path(path.segments, borders, path.places_m)


def _is_heard(time_ms: Floats, clock: Floats) -> Flags:
    """Tell which stretches between borders touch no gap between readings that is too long to split."""
    gaps = np.concatenate([[0.0], np.cumsum(np.diff(clock) > _LONGEST_GAP_S * 1000)])
    into = np.searchsorted(clock, np.nan_to_num(time_ms[:-1], nan=clock[0]), side="right") - 1
    out = np.searchsorted(clock, np.nan_to_num(time_ms[1:], nan=clock[-1]), side="left")
    heard: Flags = gaps[np.clip(out, 0, len(clock) - 1)] == gaps[np.clip(into, 0, len(clock) - 1)]
    return heard
