"""Places that trips lead from and to: crossings of the network, spread over it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from contracts.errors import InvalidInput
from roads.geodesy import METRES_A_DEGREE
from roads.network import RoadNetwork
from simulator.vehicles.fleet import Floats

MOST_PLACES: Final = 40
LEGS_A_PLACE: Final = 8
_SHORTEST_M: Final = 500.0
_LONGEST_M: Final = 6_000.0
_VERTICES_A_PLACE: Final = 4


def metres(network: RoadNetwork, vertices: list[int]) -> Floats:
    """Give vertices as metres east and north of the network's first vertex, two columns."""
    origin = network.vertices[0]
    east = METRES_A_DEGREE * math.cos(math.radians(origin.latitude_deg))
    return np.array(
        [
            (
                (network.vertices[at].longitude_deg - origin.longitude_deg) * east,
                (network.vertices[at].latitude_deg - origin.latitude_deg) * METRES_A_DEGREE,
            )
            for at in vertices
        ]
    )


def places(network: RoadNetwork, random: np.random.Generator) -> list[int]:
    """Choose vertices that can all be reached from each other. Raises InvalidInput where there are no two."""
    reachable = network.strongly_connected
    if len(reachable) < 2:  # noqa: PLR2004 - a way there and a way back
        raise InvalidInput(
            f"the road network has {len(network.segments)} segments, and no two vertices with a way there and back; "
            "add segments in the other direction, or name another folder with --roads"
        )
    count = min(MOST_PLACES, max(2, len(reachable) // _VERTICES_A_PLACE))
    return sorted(random.choice(np.array(reachable), count, replace=False).tolist())


def destinations(position_m: Floats, place: int, random: np.random.Generator) -> list[int]:
    """Choose where trips from a place lead (indexes of places): some way off, or to the furthest in a small network."""
    away_m = np.hypot(*(position_m - position_m[place]).T)
    others = np.flatnonzero((away_m >= _SHORTEST_M) & (away_m <= _LONGEST_M))
    if not len(others):
        others = np.argsort(-away_m, kind="stable")[: max(1, len(away_m) // 4)]
        others = others[others != place]
    count = min(LEGS_A_PLACE, len(others))
    return sorted(random.choice(others, count, replace=False).tolist())
