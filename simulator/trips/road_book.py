"""The road book: all legs of a network packed into flat arrays, so that a fleet follows them by gathers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from roads.network import RoadNetwork
from roads.search import cheapest_route
from simulator.trips.leg import POINT_M, Leg, leg
from simulator.trips.places import destinations, metres, places
from simulator.trips.signals import greens
from simulator.trips.speed_profile import allowed_mps
from simulator.vehicles.fleet import STYLES, Floats, Integers

Singles = NDArray[np.float32]
_HABITS: Final = 0.3
"""The share of legs that a driver takes by habit: by times that are off by a factor of up to two."""
_TURNING: Final = (0.9, 1.0, 1.15)
"""How fast each style takes a turn."""
_LONGEST_S: Final = 540.0
_STREAM: Final = 7


@dataclass(frozen=True, slots=True)
class RoadBook:
    """Legs sorted by the place that they start from. `allowed_mps` has a column for each driving style."""

    legs: tuple[Leg, ...]
    latitude_deg: float
    longitude_deg: float
    """The first vertex: positions are kept relative to it, in single precision."""
    places: int
    first_leg: Integers
    """By place, and one more: the legs of place p are first_leg[p] to first_leg[p + 1] - 1."""
    leg_end: Integers
    length_m: Floats
    expected_s: Floats
    first_point: Integers
    last_point: Integers
    allowed_mps: Singles
    grade: Singles
    where: Singles
    first_gate: Integers
    gate_m: Floats
    gate_offset_s: Floats
    gate_green_s: Floats
    gate_is_end: NDArray[np.bool_]

    def driven(self, number: int, along_m: float) -> tuple[int, ...]:
        """Give the ids of the segments on which a car was that drove so far along a leg, in order."""
        if along_m <= 0:
            return ()
        one = self.legs[number]
        entered = int(np.searchsorted(one.segment_ends_m, along_m - 0.5, side="left"))
        return one.segments[: entered + 1]


def road_book(network: RoadNetwork, seed: int) -> RoadBook:
    """Choose places and find their legs. Raises InvalidInput for a network in which nobody can go and come back."""
    random = np.random.default_rng([seed, _STREAM])
    return _packed(network, _legs(network, random))


def _legs(network: RoadNetwork, random: np.random.Generator) -> list[Leg]:
    seconds = np.array([segment.length_m / segment.speed_kmh * 3.6 for segment in network.segments])
    believed = seconds * np.exp2(random.uniform(-1, 1, len(seconds)))
    costs = [times.tolist() for times in (seconds, believed)]
    signals, vertices = greens(network), places(network, random)
    position_m = metres(network, vertices)
    found = []
    for start, vertex in enumerate(vertices):
        for end in destinations(position_m, start, random):
            route = cheapest_route(network, costs[int(random.random() < _HABITS)], vertex, vertices[end])
            if route is not None:
                found.append(leg(network, route.segments, signals, start=start, end=end))
    return _short_enough(found)


def _short_enough(legs: list[Leg]) -> list[Leg]:
    """Leave out what takes too long, but for the shortest from each place."""
    shortest = {one.start: one for one in sorted(legs, key=lambda one: -one.expected_s)}
    return [one for one in legs if one.expected_s <= _LONGEST_S or shortest[one.start] is one]


def _packed(network: RoadNetwork, legs: Sequence[Leg]) -> RoadBook:
    origin = network.vertices[0]
    points = np.array([len(one.limit_mps) for one in legs])
    gates = np.array([len(one.gates_m) for one in legs])
    where = np.concatenate([one.where for one in legs])
    where[:, :2] -= (origin.latitude_deg, origin.longitude_deg)
    first_point = np.cumsum(points) - points
    starts = np.array([one.start for one in legs])
    green = [each for one in legs for each in one.greens]
    return RoadBook(
        legs=tuple(legs),
        latitude_deg=origin.latitude_deg,
        longitude_deg=origin.longitude_deg,
        places=int(starts.max()) + 1,
        first_leg=np.searchsorted(starts, np.arange(starts.max() + 2)),
        leg_end=np.array([one.end for one in legs]),
        length_m=np.array([one.length_m for one in legs]),
        expected_s=np.array([one.expected_s for one in legs]),
        first_point=first_point,
        last_point=first_point + points - 1,
        allowed_mps=np.concatenate([_allowed(one) for one in legs]),
        grade=np.concatenate([one.grade for one in legs]).astype(np.float32),
        where=where.astype(np.float32),
        first_gate=np.cumsum(gates) - gates,
        gate_m=np.array([at for one in legs for at in one.gates_m]),
        gate_offset_s=np.array([each.offset_s for each in green]),
        gate_green_s=np.array([each.green_s for each in green]),
        gate_is_end=np.array([each.green_s == 0 for each in green]),
    )


def _allowed(one: Leg) -> Singles:
    columns = [
        allowed_mps(np.minimum(one.limit_mps * style.haste, one.turn_mps * turning), POINT_M, style.braking_mps2)
        for style, turning in zip(STYLES, _TURNING, strict=True)
    ]
    return np.stack(columns, axis=1).astype(np.float32)
