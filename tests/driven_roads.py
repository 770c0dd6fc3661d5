"""Drives over a road network with known truth: random cheapest routes, stops at signals, slow corners, noisy readings.

Independent of the simulator, so that matching is judged by what did not shape it.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from typing import Final

import numpy as np

from cold_path.matching.readings import Floats, Ints, Readings
from roads import RoadNetwork, cheapest_route
from roads.geodesy import METRES_A_DEGREE, great_circle_m

STARTED_AT_MS: Final = 1_795_000_000_000
_DESTINATIONS: Final = 3
_NEAREST_M: Final = 800
_ACCELERATION_MPS2: Final = 1.8
_BRAKING_MPS2: Final = 2.2
_CORNER_MPS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Drive:
    """One trip: its segments in driving order, and a true place (metres along them) for each second."""

    segments: list[int]
    place_m: Floats


def a_drive(network: RoadNetwork, rng: random.Random) -> Drive:
    """Drive from a random place over three more, each way the fastest for this driver's view of the roads."""
    segments = _ways(network, rng)
    ends = list(itertools.accumulate(network.segments[i].length_m for i in segments))
    place, speed, places, stops = 0.0, 0.0, [0.0], _stops(network, segments, rng)
    for i, end in enumerate(ends):
        limit = network.segments[segments[i]].speed_kmh / 3.6 * rng.uniform(0.85, 1.1)
        leaving_mps, wait_s = stops[i]
        while place < end - 0.5:
            braking_mps = math.sqrt(leaving_mps**2 + 2 * _BRAKING_MPS2 * max(0.0, end - place))
            speed = max(1.0, min(speed + _ACCELERATION_MPS2, limit, braking_mps))
            place = min(place + speed, end if leaving_mps == 0 else place + speed)
            places.append(place)
        places += [place] * wait_s
        speed = speed if wait_s == 0 else 0.0
    return Drive(segments, np.array(places))


def _ways(network: RoadNetwork, rng: random.Random) -> list[int]:
    segments: list[int] = []
    at = rng.choice(network.strongly_connected)
    seen = [s.length_m / s.speed_kmh * rng.uniform(0.7, 1.5) for s in network.segments]
    for _ in range(_DESTINATIONS):
        end = rng.choice([v for v in network.strongly_connected if _apart_m(network, at, v) > _NEAREST_M])
        route = cheapest_route(network, seen, at, end)
        assert route is not None
        segments += route.segments
        at = end
    return segments


def _apart_m(network: RoadNetwork, one: int, other: int) -> float:
    a, b = network.vertices[one], network.vertices[other]
    return great_circle_m((a.latitude_deg, a.longitude_deg), (b.latitude_deg, b.longitude_deg))


def _stops(network: RoadNetwork, segments: list[int], rng: random.Random) -> list[tuple[float, int]]:
    """Give the speed at which each segment is left, and for how long the car stands there first."""
    stops = []
    for one, other in itertools.pairwise([*segments, segments[-1]]):
        red = network.vertices[network.ends[one]].has_signal and rng.random() < 0.4
        turn = abs((_bearing(network, one, -2) - _bearing(network, other, 0) + 180) % 360 - 180)
        if red or turn > 150:
            stops.append((0.0, rng.randint(5, 40)))
        else:
            stops.append((_CORNER_MPS if turn > 40 else 40.0, 0))
    return stops


def _bearing(network: RoadNetwork, segment: int, piece: int) -> float:
    shape = network.segments[segment].shape
    (a, b), (c, d) = shape[piece], shape[piece + 1] if piece >= 0 else shape[-1]
    return math.degrees(math.atan2((d - b) * math.cos(math.radians(a)), c - a)) % 360


def heard(network: RoadNetwork, drives: list[Drive], *, every_s: int, noise_m: float, seed: int) -> Readings:
    """Give the drives' readings: noise on each axis of the position, some degrees on the heading, whole counters."""
    rng = np.random.default_rng(seed)
    columns: dict[str, list[Floats]] = {
        name: [] for name in ("latitude", "longitude", "heading", "speed", "fuel", "idle")
    }
    trip: list[Ints] = []
    clock: list[Ints] = []
    distance: list[Floats] = []
    for number, drive in enumerate(drives):
        kept = np.unique(np.append(np.arange(0, len(drive.place_m), every_s), len(drive.place_m) - 1))
        latitude, longitude, heading = _positions(network, drive.segments, drive.place_m[kept])
        speed_mps = np.diff(drive.place_m, append=drive.place_m[-1])
        burnt_ml = np.cumsum(0.25 + 0.055 * speed_mps)
        sigma_deg = noise_m / METRES_A_DEGREE
        columns["latitude"].append(latitude + rng.normal(0, sigma_deg, len(kept)))
        narrowed = np.cos(np.radians(latitude))
        columns["longitude"].append(longitude + rng.normal(0, sigma_deg, len(kept)) / narrowed)
        columns["heading"].append((heading + rng.normal(0, 5, len(kept))) % 360)
        columns["speed"].append(speed_mps[kept] * 3.6)
        columns["fuel"].append(np.floor(burnt_ml[kept]))
        columns["idle"].append(np.floor(np.cumsum(speed_mps == 0)[kept]))
        trip.append(np.full(len(kept), number))
        clock.append(STARTED_AT_MS + kept * 1000)
        distance.append(np.floor(drive.place_m[kept]))
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Readings(
        np.concatenate(trip),
        np.concatenate(clock),
        joined["latitude"],
        joined["longitude"],
        joined["heading"],
        joined["speed"],
        np.concatenate(distance),
        joined["fuel"],
        joined["idle"],
    )


def _positions(network: RoadNetwork, segments: list[int], place_m: Floats) -> tuple[Floats, Floats, Floats]:
    line = [(0.0, *network.segments[segments[0]].shape[0])]
    for i in segments:
        segment = network.segments[i]
        pieces = [great_circle_m(a, b) for a, b in itertools.pairwise(segment.shape)]
        stretch = segment.length_m / sum(pieces)
        for piece_m, position in zip(pieces, segment.shape[1:], strict=True):
            line.append((line[-1][0] + piece_m * stretch, *position))
    at, latitude, longitude = np.array(line).T
    east = np.diff(longitude) * math.cos(math.radians(latitude[0]))
    bearing = np.degrees(np.arctan2(east, np.diff(latitude))) % 360
    piece = np.clip(np.searchsorted(at, place_m, side="right") - 1, 0, len(bearing) - 1)
    return np.interp(place_m, at, latitude), np.interp(place_m, at, longitude), bearing[piece]


def right_share(network: RoadNetwork, driven: list[int], matched: list[int]) -> tuple[float, float]:
    """Give shares of the driven length: on segments that were matched in the same order, and matched though not driven.

    The longest common subsequence by length; Newson & Krumm's route mismatch takes the same two apart.
    """
    length = [segment.length_m for segment in network.segments]
    row = [0.0] * (len(matched) + 1)
    for one in driven:
        fresh = [0.0]
        for j, other in enumerate(matched):
            fresh.append(row[j] + length[one] if one == other else max(row[j + 1], fresh[j]))
        row = fresh
    total = sum(length[i] for i in driven)
    return row[-1] / total, (sum(length[i] for i in matched) - row[-1]) / total
