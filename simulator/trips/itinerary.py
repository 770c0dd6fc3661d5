"""Which legs a trip has, how long it waits between them and at what pace it is driven: drawn by car, trip and leg.

Nothing depends on how a trip is driven, so the place where it will end is known before it begins.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.draws import Shares, mixed, share
from simulator.trips.road_book import RoadBook
from simulator.vehicles.fleet import Floats, Integers

_WAITING_S: Final = (20.0, 75.0)
"""How long a car waits at a place, engine running, before it goes on to the next."""
_PACE: Final = (0.86, 1.04)
_LEG, _WAIT, _PACE_DRAW = range(3)
_DRAWS: Final = 4


class Itinerary:
    """The plan of each car's trip, one element a car. A trip begins no leg that is expected to end after `trip_s`."""

    def __init__(self, book: RoadBook, seed: int, vehicle: Integers) -> None:
        """Take the fleet's numbers; nobody has a plan yet."""
        self._book = book
        self._car = mixed(vehicle.astype(np.uint64) ^ mixed(np.array([seed])))
        self._trip = self._car.copy()
        self._legs = np.zeros(len(vehicle), dtype=np.int64)
        self._expected_s = np.zeros(len(vehicle))
        self._trip_s = np.zeros(len(vehicle))

    def begin(self, rows: Integers, started_at_ms: Integers, trip_s: Floats) -> Floats:
        """Plan trips that take about `trip_s`; give each one's pace, the factor on its speeds (traffic and mood)."""
        self._trip[rows] = mixed(self._car[rows] ^ mixed(started_at_ms))
        self._legs[rows] = 0
        self._expected_s[rows] = 0
        self._trip_s[rows] = trip_s
        return _PACE[0] + (_PACE[1] - _PACE[0]) * self._u(rows, _PACE_DRAW)

    def next_leg(self, rows: Integers, place: Integers) -> tuple[Integers, Floats, np.ndarray]:
        """Choose a leg from where each car is; give it, the wait before it, and whether it is driven at all.

        The first leg always is.
        """
        first = self._book.first_leg[place]
        legs = self._book.first_leg[place + 1] - first
        leg = np.asarray(first + (self._u(rows, _LEG) * legs).astype(np.int64))
        wait_s = _WAITING_S[0] + (_WAITING_S[1] - _WAITING_S[0]) * self._u(rows, _WAIT)
        total_s = self._expected_s[rows] + wait_s + self._book.expected_s[leg]
        is_driven = (self._legs[rows] == 0) | (total_s <= self._trip_s[rows])
        self._expected_s[rows] = total_s
        self._legs[rows] += 1
        return leg, wait_s, is_driven

    def _u(self, rows: Integers, draw: int) -> Shares:
        return share(mixed(self._trip[rows] ^ mixed(self._legs[rows] * _DRAWS + draw)))


def final_places(
    book: RoadBook, seed: int, *, vehicle: Integers, started_at_ms: Integers, trip_s: Floats, place: Integers
) -> Integers:
    """Give the place at which each trip will end; one trip a car, from `place`."""
    plan, at = Itinerary(book, seed, vehicle), place.copy()
    rows = np.arange(len(vehicle))
    plan.begin(rows, started_at_ms, trip_s)
    while len(rows):
        leg, _, is_driven = plan.next_leg(rows, at[rows])
        rows, leg = rows[is_driven], leg[is_driven]
        at[rows] = book.leg_end[leg]
    return at
