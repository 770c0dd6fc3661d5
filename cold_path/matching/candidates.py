"""Where each reading may have been: the likeliest places on segments near it, with their log-likelihood (emission)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from cold_path.matching.readings import Floats, Ints, Readings
from cold_path.matching.road_index import RoadIndex

NONE: Final = -1
_MOST: Final = 8
_WITHIN_SIGMAS: Final = 6.0
_DRIVING_KMH: Final = 7.0
"""Below, a receiver's heading says little."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How far readings stray: standard deviations of position (each axis) and heading, and the scale of transitions."""

    position_m: float = 8.0
    heading_deg: float = 25.0
    most_heading_nats: float = 12.0
    """A heading counts against a place by no more than this: it turns within a crossing."""
    transition_m: float = 10.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """Up to eight places for each reading (rows), likeliest first; NONE and -infinity fill up."""

    segment: Ints
    along_m: Floats
    emission: Floats


def candidates(readings: Readings, roads: RoadIndex, noise: Noise) -> Candidates:
    """Give the places within six standard deviations; a reading without position or road near it has none.

    Emission: log of a Gaussian over the distance to the road (Newson & Krumm 2009, formula 1), and of one over the
    angle between heading and road, which tells the two directions of a road apart.
    """
    located = np.flatnonzero(~(np.isnan(readings.latitude_deg) | np.isnan(readings.longitude_deg)))
    points = roads.in_metres(readings.latitude_deg[located], readings.longitude_deg[located])
    near = roads.near(points, _WITHIN_SIGMAS * noise.position_m)
    reading = located[near.point]
    angle = np.abs((near.bearing_deg - readings.heading_deg[reading] + 180) % 360 - 180)
    turned = np.minimum(0.5 * (angle / noise.heading_deg) ** 2, noise.most_heading_nats)
    tells = ~np.isnan(angle) & (readings.speed_kmh[reading] >= _DRIVING_KMH)
    emission = -0.5 * (near.distance_m / noise.position_m) ** 2 - np.where(tells, turned, 0.0)
    order = np.lexsort((near.segment, -emission, reading))
    row = reading[order]
    first_of_row = np.searchsorted(row, row)
    rank = np.arange(len(row)) - first_of_row
    kept = rank < _MOST
    at = row[kept], rank[kept]
    found = Candidates(
        np.full((len(readings), _MOST), NONE, dtype=np.int64),
        np.zeros((len(readings), _MOST)),
        np.full((len(readings), _MOST), -np.inf),
    )
    found.segment[at] = near.segment[order][kept]
    found.along_m[at] = near.along_m[order][kept]
    found.emission[at] = emission[order][kept]
    return found
