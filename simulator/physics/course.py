"""Where each car is on the road book's legs, what speed it aims at there, and when it has arrived. No engine here."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.trips.leg import POINT_M
from simulator.trips.road_book import RoadBook
from simulator.trips.signals import CYCLE_S
from simulator.trips.speed_profile import after_mps
from simulator.vehicles.fleet import Fleet, Floats, Integers

Flags = NDArray[np.bool_]
_HARDEST: Final = 1.6
"""A driver brakes at most so much harder than usual for a signal that changes; else the car passes it."""
_BEFORE_THE_LINE_M: Final = 1.5
_AT_THE_END_M: Final = 5.0


class Course:
    """One element a car. A parked car stands at its `place`; a driving one is `along_m` on its `leg`."""

    def __init__(self, book: RoadBook, place: Integers) -> None:
        """Stand at places, given by index."""
        self.book = book
        self.place = place.copy()
        self.leg = book.first_leg[place].copy()
        self.along_m = np.zeros(len(place))
        self.dwell_s = np.zeros(len(place))
        """How long the car still stands before it sets off."""
        self._pace = np.ones(len(place))
        self._gate = book.first_gate[self.leg].copy()
        self._first_point = book.first_point[self.leg].copy()
        self._last_point = book.last_point[self.leg].copy()

    def set_pace(self, rows: Integers, pace: Floats) -> None:
        """Let these cars be driven at a share of the speeds that the road book allows."""
        self._pace[rows] = pace

    def begin(self, rows: Integers, leg: Integers, dwell_s: Floats) -> None:
        """Set these cars on legs that start at their place, after standing for a while."""
        self.leg[rows] = leg
        self.along_m[rows] = 0
        self.dwell_s[rows] = dwell_s
        self._gate[rows] = self.book.first_gate[leg]
        self._first_point[rows] = self.book.first_point[leg]
        self._last_point[rows] = self.book.last_point[leg]

    def aim_mps(self, fleet: Fleet, speed_mps: Floats, clock_s: Floats, dt_s: float) -> Floats:
        """Give the speed that each driver means to have `dt_s` later, by road, turns, signals and the leg's end."""
        book, gate = self.book, self._gate
        point = self._point(self.along_m + speed_mps * dt_s)
        road = book.allowed_mps[point, fleet.style] * self._pace
        left_m = book.gate_m[gate] - self.along_m
        is_end = book.gate_is_end[gate]
        is_red = np.mod(clock_s + book.gate_offset_s[gate], CYCLE_S) >= book.gate_green_s[gate]
        can_stop = speed_mps**2 <= 2 * _HARDEST * fleet.braking * np.maximum(left_m, 0)
        stopping = after_mps(speed_mps, left_m - np.where(is_end, 0, _BEFORE_THE_LINE_M), fleet.braking, dt_s)
        aim = np.where(is_end | (is_red & can_stop), np.minimum(road, stopping), road)
        return np.where(self.dwell_s > 0, 0, aim)

    def move(self, moved_m: Floats, dt_s: float) -> Floats:
        """Move on along the legs, at most to their ends; give how far. A gate that was passed lies behind."""
        book, before_m = self.book, self.along_m
        self.along_m = np.minimum(before_m + moved_m, book.length_m[self.leg])
        self.dwell_s = np.maximum(self.dwell_s - dt_s, 0)
        self._gate += (self.along_m >= book.gate_m[self._gate]) & ~book.gate_is_end[self._gate]
        return np.asarray(self.along_m - before_m)

    def arrived(self, speed_mps: Floats) -> Flags:
        """Tell which cars stand at the end of their leg."""
        book = self.book
        is_near = book.gate_is_end[self._gate] & (book.gate_m[self._gate] - self.along_m < _AT_THE_END_M)
        return np.asarray(is_near & (speed_mps == 0) & (self.dwell_s <= 0))

    def arrive(self, rows: Integers) -> None:
        """Let these cars be at the place where their leg ends."""
        self.place[rows] = self.book.leg_end[self.leg[rows]]

    def grade(self) -> Floats:
        """Give the road's rise over run under each car."""
        return self.book.grade[self._point(self.along_m)].astype(np.float64)

    def where(self, rows: Integers) -> tuple[Floats, Floats, Floats, Floats]:
        """Give latitude and longitude in degrees, altitude in metres and heading in degrees."""
        point = self._point(self.along_m)[rows]
        found = self.book.where[point].astype(np.float64)
        beyond_m = self.along_m[rows] - (point - self._first_point[rows]) * POINT_M
        latitude = self.book.latitude_deg + found[:, 0] + found[:, 2] * beyond_m
        longitude = self.book.longitude_deg + found[:, 1] + found[:, 3] * beyond_m
        return latitude, longitude, found[:, 4], found[:, 5]

    def _point(self, along_m: Floats) -> Integers:
        return np.minimum(self._first_point + (along_m / POINT_M).astype(np.int64), self._last_point)


def home_places(book: RoadBook, fleet: Fleet) -> Integers:
    """Give the place where each car is at home."""
    return np.asarray((fleet.home * book.places).astype(np.int64))
