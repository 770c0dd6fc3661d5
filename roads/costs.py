"""Costs of segments in seconds and millilitres, by the vehicle class and time of day that a route is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

ALL_DAY: Final = "all"


class CostRow(NamedTuple):
    """What one segment costs."""

    segment_id: int
    vehicle_class: str
    time_of_day: str
    seconds: float
    fuel_ml: float


class Costs(NamedTuple):
    """Both costs by segment."""

    seconds: Sequence[float]
    fuel_ml: Sequence[float]


class CostTable:
    """The costs of one network; where a time of day says nothing of a segment, those of all day count."""

    def __init__(self, rows: Iterable[CostRow], segments: int) -> None:
        """Take rows in any order; a segment without one is closed."""
        self._known: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
        for row in sorted(rows, key=lambda row: row.time_of_day != ALL_DAY):
            seconds, fuel_ml = self._of(row.vehicle_class, row.time_of_day, segments)
            seconds[row.segment_id], fuel_ml[row.segment_id] = row.seconds, row.fuel_ml

    def costs(self, vehicle_class: str, time_of_day: str) -> Costs | None:
        """Give the costs for a situation, those of all day where nothing is known of the time; None: no such class."""
        found = self._known.get((vehicle_class, time_of_day)) or self._known.get((vehicle_class, ALL_DAY))
        return Costs(*found) if found else None

    def _of(self, vehicle_class: str, time_of_day: str, segments: int) -> tuple[list[float], list[float]]:
        situation = (vehicle_class, time_of_day)
        if situation not in self._known:
            whole = self._known.get((vehicle_class, ALL_DAY)) or ([math.inf] * segments, [math.inf] * segments)
            self._known[situation] = (whole[0].copy(), whole[1].copy())
        return self._known[situation]
