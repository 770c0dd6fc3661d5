"""Distances on the earth, for positions in degrees (WGS 84)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius of WGS 84 (IUGG)."""
METRES_A_DEGREE: Final = math.radians(EARTH_RADIUS_M)
"""Along a meridian; along a parallel it is that times the cosine of the latitude."""

Position = tuple[float, float]
"""Latitude and longitude, in degrees."""


def great_circle_m(one: Position, other: Position) -> float:
    """Give the distance between two positions by the haversine formula (Sinnott 1984), within 0.6 % of WGS 84."""
    (latitude, longitude), (other_latitude, other_longitude) = one, other
    rise = math.sin(math.radians(other_latitude - latitude) / 2) ** 2
    run = math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    across = math.cos(math.radians(latitude)) * math.cos(math.radians(other_latitude)) * run
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, rise + across)))


def length_m(line: Sequence[Position]) -> float:
    """Give the length of a line through positions, in order."""
    return sum(great_circle_m(one, other) for one, other in itertools.pairwise(line))
