"""What lies ahead of a car: the roads of the network as its camera sees them, in metres ahead and to the right."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from roads.geodesy import METRES_A_DEGREE, Position
from roads.network import RoadNetwork

_CELL_M: Final = 250.0
_FAR_M: Final = 300.0
_NEAR_M: Final = 3.0
_SLOW_KMH, _FAST_KMH = 45.0, 75.0

Place = tuple[float, float]
"""Metres ahead, metres to the right."""


class Strip(NamedTuple):
    """A straight piece of road from one place to another."""

    begin: Place
    end: Place
    half_width_m: float


class Scenery:
    """The network, found by where one is."""

    def __init__(self, network: RoadNetwork) -> None:
        """Sort the pieces of all roads into cells of 250 m."""
        latitudes = [vertex.latitude_deg for vertex in network.vertices]
        self._metres_east = METRES_A_DEGREE * math.cos(math.radians(sum(latitudes) / max(len(latitudes), 1)))
        self._cells: dict[tuple[int, int], list[tuple[Position, Position, float]]] = defaultdict(list)
        for segment in network.segments:
            half_m = 3.5 if segment.speed_kmh < _SLOW_KMH else 5.0 if segment.speed_kmh < _FAST_KMH else 7.5
            for one, other in zip(segment.shape, segment.shape[1:], strict=False):
                self._cells[self._cell(one)].append((one, other, half_m))

    def _cell(self, place: Position) -> tuple[int, int]:
        return int(place[0] * METRES_A_DEGREE // _CELL_M), int(place[1] * self._metres_east // _CELL_M)

    def ahead(self, position: Position, heading_deg: float) -> list[Strip]:
        """Give the pieces of road in front of a camera, the farthest first."""
        row, column = self._cell(position)
        strips = []
        for near_row in range(row - 2, row + 3):
            for near_column in range(column - 2, column + 3):
                for one, other, half_m in self._cells.get((near_row, near_column), ()):
                    ends = [self._seen(place, position, heading_deg) for place in (one, other)]
                    if (seen := _in_front(ends)) is not None:
                        strips.append(Strip(*seen, half_m))
        return sorted(strips, key=lambda strip: -min(strip.begin[0], strip.end[0]))

    def _seen(self, place: Position, position: Position, heading_deg: float) -> Place:
        north_m = (place[0] - position[0]) * METRES_A_DEGREE
        east_m = (place[1] - position[1]) * self._metres_east
        sine, cosine = math.sin(math.radians(heading_deg)), math.cos(math.radians(heading_deg))
        return east_m * sine + north_m * cosine, east_m * cosine - north_m * sine


def _in_front(ends: Sequence[Place]) -> tuple[Place, Place] | None:
    """Cut off what lies behind the camera, or beyond what it shows."""
    one, other = sorted(ends)
    if other[0] <= _NEAR_M or one[0] >= _FAR_M:
        return None
    if one[0] < _NEAR_M:
        share = (_NEAR_M - one[0]) / (other[0] - one[0])
        one = (_NEAR_M, one[1] + share * (other[1] - one[1]))
    return one, other
