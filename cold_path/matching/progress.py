"""How far along its path a car was at every reading, and its clock and fuel when it crossed the borders."""

from __future__ import annotations

from typing import Final

import numpy as np

from cold_path.matching.path import Path
from cold_path.matching.readings import Floats, Readings

_WINDOW: Final = 15
"""Readings over which the difference between place and counter is taken as one."""
_STANDING_M: Final = 1.0
_STOP_LINE_M: Final = 25.0
_LONGEST_BETWEEN_S: Final = 60.0


def progress(path: Path, matched: Readings, readings: Readings) -> Floats:
    """Give each reading's metres along the path, rising, from the places of the matched ones and the distance counter.

    The counter knows to a metre how far the car went, a receiver where it was within ten: their difference, a running
    median over the matched readings, is the counter's reading at the path's beginning.
    """
    shift_m = _running_median(path.places_m - matched.distance_m)
    along_m = readings.distance_m + np.interp(readings.distance_m, matched.distance_m, shift_m)
    return _held_at_stop_lines(path, np.maximum.accumulate(along_m), readings)


def _running_median(values: Floats) -> Floats:
    half = min(_WINDOW, len(values) - (len(values) + 1) % 2) // 2
    if half == 0:
        return np.full(len(values), np.median(values))
    padded = np.concatenate([np.full(half, np.nan), values, np.full(half, np.nan)])
    medians: Floats = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    return medians


def _held_at_stop_lines(path: Path, along_m: Floats, readings: Readings) -> Floats:
    """Put a car that stands some metres beyond a border before it: it waits at the signal of the segment it leaves."""
    border = np.searchsorted(path.borders_m, along_m, side="right") - 1
    border = np.clip(border, 0, len(path.borders_m) - 1)
    stands = np.diff(readings.distance_m, append=np.inf) < _STANDING_M
    held = stands & (border > 0) & (along_m - path.borders_m[border] <= _STOP_LINE_M)
    before_m = np.where(held, path.borders_m[border] - 0.01, along_m)
    rising: Floats = np.minimum.accumulate(before_m[::-1])[::-1]
    return rising


def at_borders(path: Path, along_m: Floats, values: Floats) -> Floats:
    """Give a counter or clock where the car crossed each border; NaN where no readings lie close on both sides."""
    known = ~np.isnan(values)
    if known.sum() < 2:  # noqa: PLR2004 - a line has two ends
        return np.full(len(path.borders_m), np.nan)
    crossed: Floats = np.interp(path.borders_m, along_m[known], values[known], left=np.nan, right=np.nan)
    return crossed
