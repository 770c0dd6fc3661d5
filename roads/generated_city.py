"""A made-up city of any size for tests and benchmarks: blocks with arterials, signals, one-way streets and hills.

The same seed and size give the same network, bit for bit, with Python's own generator.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from roads.geodesy import METRES_A_DEGREE, Position, length_m
from roads.network import RoadNetwork, Segment, Vertex

_CENTRE: Final[Position] = (48.0, 9.0)
_BLOCK_M: Final = 130.0
_ARTERIAL_EVERY: Final = 5
_ONE_WAY_EVERY: Final = 3
_HILL_M: Final = 25.0
_STEEPEST: Final = 0.10
_SMALLEST: Final = 2

_ARTERIAL: Final = ("secondary", 60.0)
_STREET: Final = ("residential", 40.0)


def generated_city(*, seed: int, segments: int) -> RoadNetwork:
    """Give a city of nearly `segments` segments (at least 8, never more than asked), all vertices reaching each other.

    Streets run along rows and columns; each fifth is an arterial (60 km/h, signals where two cross), each third of the
    others is one-way, in turns; all others and the outer ones are two-way. Altitudes are a sum of smooth waves.
    """
    plan = _Plan.of(segments)
    vertices = tuple(_vertices(plan, random.Random(seed)))  # noqa: S311 - data, not a secret
    return RoadNetwork(vertices, tuple(_segments(plan, vertices)))


@dataclass(frozen=True)
class _Plan:
    rows: int
    columns: int

    @classmethod
    def of(cls, segments: int) -> _Plan:
        """Give the largest grid, as square as can be, that needs at most that many segments."""
        side = _SMALLEST
        while cls(side + 1, side + 1).segment_count() <= segments:
            side += 1
        wider = cls(side, side + 1)
        return wider if wider.segment_count() <= segments else cls(side, side)

    def segment_count(self) -> int:
        lanes = sum(len(self.directions(i, self.rows)) for i in range(self.rows)) * (self.columns - 1)
        return lanes + sum(len(self.directions(i, self.columns)) for i in range(self.columns)) * (self.rows - 1)

    def directions(self, street: int, streets: int) -> tuple[int, ...]:
        """Give the ways in which a street may be driven: 1 to rising indexes, -1 back."""
        inner = 0 < street < streets - 1
        if inner and not self.is_arterial(street, streets) and street % _ONE_WAY_EVERY == 0:
            return (1,) if street % (2 * _ONE_WAY_EVERY) == 0 else (-1,)
        return (1, -1)

    def is_arterial(self, street: int, streets: int) -> bool:
        return street % _ARTERIAL_EVERY == 0 or street == streets - 1


def _vertices(plan: _Plan, rng: random.Random) -> Iterator[Vertex]:
    waves = [
        (rng.uniform(0.3, 1.0), rng.uniform(-1, 1) / 700, rng.uniform(-1, 1) / 700, rng.uniform(0, math.tau))
        for _ in range(4)
    ]
    a_degree_of_longitude_m = METRES_A_DEGREE * math.cos(math.radians(_CENTRE[0]))
    for row in range(plan.rows):
        for column in range(plan.columns):
            north_m = (row - plan.rows / 2) * _BLOCK_M + rng.uniform(-15, 15)
            east_m = (column - plan.columns / 2) * _BLOCK_M + rng.uniform(-15, 15)
            altitude_m = 300 + _HILL_M * sum(a * math.sin(n * north_m + e * east_m + p) for a, n, e, p in waves)
            yield Vertex(
                row * plan.columns + column,
                round(_CENTRE[0] + north_m / METRES_A_DEGREE, 7),
                round(_CENTRE[1] + east_m / a_degree_of_longitude_m, 7),
                round(altitude_m, 2),
                has_signal=plan.is_arterial(row, plan.rows) and plan.is_arterial(column, plan.columns),
            )


def _segments(plan: _Plan, vertices: tuple[Vertex, ...]) -> Iterator[Segment]:
    for segment_id, (start, end, road_class, speed_kmh, name) in enumerate(_stretches(plan)):
        one, other = vertices[start], vertices[end]
        shape = ((one.latitude_deg, one.longitude_deg), (other.latitude_deg, other.longitude_deg))
        length = round(length_m(shape), 3)
        grade = max(-_STEEPEST, min(_STEEPEST, (other.altitude_m - one.altitude_m) / length))
        yield Segment(segment_id, start, end, length, speed_kmh, round(grade, 4), road_class, name, shape)


def _stretches(plan: _Plan) -> Iterator[tuple[int, int, str, float, str]]:
    """Give start, end, class, speed and name of each segment, street by street."""
    streets = (
        ("Street", plan.rows, plan.columns, plan.columns, 1),
        ("Avenue", plan.columns, plan.rows, 1, plan.columns),
    )
    for kind, count, crossings, across, along in streets:
        for street in range(count):
            road_class, speed_kmh = _ARTERIAL if plan.is_arterial(street, count) else _STREET
            for crossing in range(crossings - 1):
                ends = (street * across + crossing * along, street * across + (crossing + 1) * along)
                for direction in plan.directions(street, count):
                    start, end = ends[::direction]
                    yield start, end, road_class, speed_kmh, f"{kind} {street + 1}"
