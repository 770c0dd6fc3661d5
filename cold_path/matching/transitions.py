"""How well two neighbouring readings' candidates go together: route distance against distance driven (transition)."""

from __future__ import annotations

from typing import Final

import numpy as np

from cold_path.matching.candidates import NONE, Candidates, Noise
from cold_path.matching.reach import Reach
from cold_path.matching.readings import Flags, Floats, Readings
from cold_path.matching.road_index import RoadIndex

BACK_SIGMAS: Final = 4.0
"""So far back on one segment is noise; further back was a drive around the block."""
LONGEST_GAP_M: Final = 3_000.0
LONGEST_GAP_S: Final = 300.0
_DETOUR: Final = 1.5
_SLACK_M: Final = 150.0


def transitions(readings: Readings, places: Candidates, roads: RoadIndex, reach: Reach, noise: Noise) -> Floats:
    """Give log-likelihoods (reading, candidate before, candidate), -infinity where no way leads; row 0 of a trip too.

    Newson & Krumm 2009, formula 2: exponential in | route distance - distance of the readings |. Their great-circle
    distance is replaced by the trip's own counter, which knows about corners that lie between two readings.
    """
    likelihood = np.full((len(readings), *places.segment.shape[1:] * 2), -np.inf)
    follows = _follows(readings)
    if not follows.any():
        return likelihood
    driven_m = np.diff(readings.distance_m, prepend=0.0)[follows]
    before, here = np.flatnonzero(follows) - 1, np.flatnonzero(follows)
    from_segment, to_segment = places.segment[before][:, :, None], places.segment[here][:, None, :]
    from_m, to_m = places.along_m[before][:, :, None], places.along_m[here][:, None, :]
    possible = (from_segment != NONE) & (to_segment != NONE)
    along = to_m - from_m
    stays = possible & (from_segment == to_segment) & (along >= -BACK_SIGMAS * noise.position_m)
    around = roads.length_m[from_segment] + along
    # Only ways that could be likely at all are looked for.
    bound = (_DETOUR * driven_m + _SLACK_M)[:, None, None]
    leads = possible & ~stays & (around <= bound)
    step, one, other = np.nonzero(leads)
    ends = roads.end[places.segment[before[step], one]]
    starts = roads.start[places.segment[here[step], other]]
    around[step, one, other] += reach.distances(ends, starts, bound[step, 0, 0] - around[step, one, other])
    around[~leads] = np.inf
    route_m = np.where(stays, along, around)
    likelihood[here] = -np.abs(route_m - driven_m[:, None, None]) / noise.transition_m
    return likelihood


def _follows(readings: Readings) -> Flags:
    """Tell which readings have one before them in their trip, near enough to look for a way between."""
    gap_m = np.diff(readings.distance_m, prepend=0.0)
    gap_s = np.diff(readings.recorded_at_ms, prepend=0) / 1000
    same_trip = np.diff(readings.trip, prepend=NONE) == 0
    follows: Flags = same_trip & (gap_m <= LONGEST_GAP_M) & (gap_s <= LONGEST_GAP_S)
    return follows
