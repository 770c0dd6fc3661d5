"""Matching of many trips at once: a hidden Markov model over road segments (Newson & Krumm, ACM SIGSPATIAL 2009)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from cold_path.matching.candidates import Candidates, Noise, candidates
from cold_path.matching.likeliest import likeliest
from cold_path.matching.path import Path, joined
from cold_path.matching.reach import Reach
from cold_path.matching.readings import Flags, Ints, Readings, in_order
from cold_path.matching.road_index import RoadIndex
from cold_path.matching.transitions import transitions
from roads import RoadNetwork

_SPACING_SIGMAS: Final = 2.5
"""Readings closer to each other are not matched: their noise would hide the way between them (section 4.1)."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One unbroken stretch of a trip: its path, the readings that have a place on it, and all its readings."""

    trip: int
    path: Path
    matched: Readings
    readings: Readings


class Matcher:
    """Matches on one network; what it finds out about ways is kept for the next trips."""

    def __init__(self, network: RoadNetwork, noise: Noise | None = None) -> None:
        """Index the network."""
        self._roads = RoadIndex(network)
        self._reach = Reach(network)
        self._noise = noise or Noise()

    def chains(self, readings: Readings) -> Iterator[Chain]:
        """Give the chains of all trips, in order of trip and time; a trip far from every road has none."""
        self._reach.forget_many()
        ordered = in_order(readings)
        spaced = ordered.where(_spaced(ordered, _SPACING_SIGMAS * self._noise.position_m))
        places = candidates(spaced, self._roads, self._noise)
        has_place = np.isfinite(places.emission[:, 0])
        matched, places = spaced.where(has_place), _where(places, has_place)
        if not len(matched):
            return
        likelihood = transitions(matched, places, self._roads, self._reach, self._noise)
        chosen, begins = likeliest(matched.trip, places.emission, likelihood)
        rows = np.arange(len(chosen))
        segment, along_m = places.segment[rows, chosen], places.along_m[rows, chosen]
        limits = [*np.flatnonzero(begins).tolist(), len(matched)]
        for first, end in itertools.pairwise(limits):
            part = slice(first, end)
            path = joined(segment[part], along_m[part], self._roads, self._reach, self._noise)
            of_chain = matched.where(rows[part])
            yield Chain(int(of_chain.trip[0]), path, of_chain, ordered.where(_between(ordered, of_chain)))


def _spaced(readings: Readings, spacing_m: float) -> Flags:
    """Choose the first reading of each trip, the last, and one each so many metres of its counter."""
    mark = np.floor(readings.distance_m / spacing_m)
    chosen: Flags = np.diff(mark, prepend=-1.0) != 0
    new_trip = np.diff(readings.trip, prepend=-1) != 0
    chosen |= new_trip
    chosen[:-1] |= new_trip[1:]
    chosen[-1:] = True
    return chosen


def _where(places: Candidates, chosen: Flags) -> Candidates:
    return Candidates(places.segment[chosen], places.along_m[chosen], places.emission[chosen])


def _between(readings: Readings, chain: Readings) -> Ints:
    """Give the rows from the chain's first matched reading to its last."""
    first, end = np.searchsorted(readings.trip, [chain.trip[0], chain.trip[0] + 1])
    clock = readings.recorded_at_ms[first:end]
    low = first + np.searchsorted(clock, chain.recorded_at_ms[0], side="left")
    high = first + np.searchsorted(clock, chain.recorded_at_ms[-1], side="right")
    return np.arange(low, high)
