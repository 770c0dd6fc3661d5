"""One leg: a route between two places, cut into points a few metres apart, with the gates at which cars may stop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from roads.geodesy import METRES_A_DEGREE, length_m
from roads.network import RoadNetwork, Segment
from simulator.trips.signals import CYCLE_S, Green, bearing_deg
from simulator.trips.speed_profile import turning_mps
from simulator.vehicles.fleet import Floats, Integers

POINT_M: Final = 5.0
NEVER_GREEN: Final = Green(0.0, 0.0)
"""The end of a leg: there every car stops."""
_BEFORE_THE_LINE_M: Final = 4.0
_SAME_CROSSING_M: Final = 40.0


@dataclass(frozen=True, slots=True)
class Leg:
    """A route as cars follow it. Arrays have one row a point, `POINT_M` apart."""

    start: int
    end: int
    """Places, by index."""
    segments: tuple[int, ...]
    segment_ends_m: Floats
    limit_mps: Floats
    turn_mps: Floats
    """The speed that the geometry allows."""
    grade: Floats
    where: Floats
    """Latitude and longitude, their change a metre, altitude in metres, heading in degrees."""
    gates_m: list[float]
    greens: list[Green]

    @property
    def length_m(self) -> float:
        """How long the leg is."""
        return float(self.segment_ends_m[-1])

    @property
    def expected_s(self) -> float:
        """How long it takes, red signals included: more often too long than too short."""
        rolling_s = float(np.sum(POINT_M / np.minimum(self.limit_mps, self.turn_mps) / 0.9))
        stops = sum((CYCLE_S - green.green_s) / CYCLE_S for green in self.greens)
        waiting_s = sum((CYCLE_S - green.green_s) ** 2 / CYCLE_S / 2 for green in self.greens[:-1])
        return rolling_s + waiting_s + 8 * stops


def leg(network: RoadNetwork, route: Sequence[int], greens: Mapping[int, Green], *, start: int, end: int) -> Leg:
    """Cut a route into points."""
    segments = [network.segments[number] for number in route]
    ends_m = np.cumsum([segment.length_m for segment in segments])
    at_m = np.arange(math.ceil(ends_m[-1] / POINT_M) + 2) * POINT_M
    of_point = np.minimum(np.searchsorted(ends_m, at_m, side="right"), len(segments) - 1)
    signals = [(at - _BEFORE_THE_LINE_M, greens.get(number)) for at, number in zip(ends_m.tolist(), route, strict=True)]
    gates = _apart([(at, green) for at, green in signals[:-1] if green is not None])
    return Leg(
        start=start,
        end=end,
        segments=tuple(route),
        segment_ends_m=ends_m,
        limit_mps=np.array([segment.speed_kmh / 3.6 for segment in segments])[of_point],
        turn_mps=_turn_mps(segments, ends_m, at_m),
        grade=np.array([segment.grade for segment in segments])[of_point],
        where=_where(network, segments, ends_m, at_m),
        gates_m=[*(at for at, _ in gates), float(ends_m[-1])],
        greens=[*(green for _, green in gates), NEVER_GREEN],
    )


def _apart(gates: list[tuple[float, Green]]) -> list[tuple[float, Green]]:
    """Leave out signals close behind another: where a wide road is crossed, both turn green as one."""
    kept: list[tuple[float, Green]] = []
    for at, green in gates:
        if not kept or at - kept[-1][0] >= _SAME_CROSSING_M:
            kept.append((at, green))
    return kept


def _turn_mps(segments: list[Segment], ends_m: Floats, at_m: Floats) -> Floats:
    """Give the speed of the turn that the points within one step of it belong to; elsewhere none."""
    mps = np.full(len(at_m), np.inf)
    turns = [
        (bearing_deg(after, at_end=False) - bearing_deg(before, at_end=True) + 180) % 360 - 180
        for before, after in itertools.pairwise(segments)
    ]
    for corner_m, corner_mps in zip(ends_m.tolist(), turning_mps(np.array(turns)).tolist(), strict=False):
        nearest = round(corner_m / POINT_M)
        near = slice(max(nearest - 1, 0), nearest + 2)
        mps[near] = np.minimum(mps[near], corner_mps)
    return mps


def _where(network: RoadNetwork, segments: list[Segment], ends_m: Floats, at_m: Floats) -> Floats:
    """Give positions along the shapes, each stretched to its segment's length, and altitudes between the vertices."""
    along_m, positions = [0.0], [segments[0].shape[0]]
    for begins_m, segment in zip((0.0, *ends_m.tolist()), segments, strict=False):
        pieces_m = [length_m(piece) for piece in itertools.pairwise(segment.shape)]
        scale = segment.length_m / (sum(pieces_m) or 1)
        along_m += (begins_m + np.cumsum(pieces_m) * scale).tolist()
        positions += segment.shape[1:]
    latitude = np.interp(at_m, along_m, [each[0] for each in positions])
    longitude = np.interp(at_m, along_m, [each[1] for each in positions])
    altitudes = [network.vertices[at].altitude_m for at in (segments[0].start, *(one.end for one in segments))]
    altitude = np.interp(at_m, [0.0, *ends_m.tolist()], altitudes)
    north, east = (np.diff(each, append=each[-1]) / POINT_M for each in (latitude, longitude))
    heading = np.degrees(np.arctan2(east * np.cos(np.radians(latitude)), north)) % 360
    heading = heading[_last_moving(north, east)]
    return np.stack([latitude, longitude, north, east, altitude, heading], axis=1)


def _last_moving(north: Floats, east: Floats) -> Integers:
    """Give each point's own index, or, where nothing moves on (past the end), that of the last that does."""
    moves = np.hypot(north, east) * METRES_A_DEGREE > 0.01  # noqa: PLR2004 - a centimetre a metre
    return np.maximum.accumulate(np.where(moves, np.arange(len(moves)), 0))
