"""The way of one chain of matched readings: its segments in driving order, and each reading's place along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from cold_path.matching.candidates import Noise
from cold_path.matching.reach import Reach
from cold_path.matching.readings import Floats, Ints
from cold_path.matching.road_index import RoadIndex
from cold_path.matching.transitions import BACK_SIGMAS

_TOUCHED_SIGMAS: Final = 2.5


@dataclass(frozen=True, slots=True)
class Path:
    """Segments joined end to start; metres are counted from the start of the first."""

    segments: list[int]
    borders_m: Floats
    """Where each segment begins, and where the last one ends."""
    places_m: Floats
    """Where the matched readings were."""


def joined(segment: Ints, along_m: Floats, roads: RoadIndex, reach: Reach, noise: Noise) -> Path:
    """Join the chosen places of one chain by the shortest ways between them."""
    chosen, along = segment.tolist(), along_m.tolist()
    segments, on = [chosen[0]], [0]
    for i in range(1, len(chosen)):
        one, other = chosen[i - 1], chosen[i]
        if one != other or along[i] - along[i - 1] < -BACK_SIGMAS * noise.position_m:
            segments += [*reach.way(int(roads.end[one]), int(roads.start[other])), other]
        on.append(len(segments) - 1)
    borders: Floats = np.concatenate([[0.0], np.cumsum(roads.length_m[segments])])
    return _trimmed(segments, borders, borders[on] + along_m, _TOUCHED_SIGMAS * noise.position_m)


def _trimmed(segments: list[int], borders: Floats, places: Floats, touched_m: float) -> Path:
    """Leave out a first and a last segment that the car hardly touched: beside a crossing, noise decides on them."""
    first = int(len(segments) > 1 and borders[1] - places[0] < touched_m)
    end = len(segments) - int(len(segments) - first > 1 and places[-1] - borders[-2] < touched_m)
    return Path(segments[first:end], borders[first : end + 1] - borders[first], places - borders[first])
