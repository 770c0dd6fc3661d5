"""A trip's totals as the proof folds them: by its own few lines, which no other part of the project shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contracts.errors import MalformedReading
from contracts.plausibility import believe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Trip = tuple[str, int]
"""vehicle_id, trip_started_at_ms"""


class Totals(NamedTuple):
    """Metres, millilitres and seconds since the trip began; None when no reading carried the counter."""

    distance_m: int | None
    fuel_ml: int | None
    idle_s: int | None


Trips = dict[Trip, Totals]


def larger(left: int | None, right: int | None) -> int | None:
    """Give the larger of two counters, an absent one counting as none."""
    known = [counter for counter in (left, right) if counter is not None]
    return max(known, default=None)


def merged(left: Totals | None, right: Totals) -> Totals:
    """Give the larger of each counter."""
    if left is None:
        return right
    return Totals(*map(larger, left, right))


class Recomputation:
    """Folds raw records in any order into each trip's totals, as the design defines them."""

    def __init__(self) -> None:
        """Start without a record."""
        self.trips: Trips = {}
        self.records = 0
        self.rejected = 0

    def add(self, value: bytes | None, *, partition: int, received_at_ms: int) -> None:
        """Add one record of vehicle-readings; one that cannot be believed only counts."""
        self.records += 1
        try:
            reading, _ = believe(value, partition=partition, received_at_ms=received_at_ms)
        except MalformedReading:
            self.rejected += 1
            return
        trip = (reading.vehicle_id, reading.trip_started_at_ms)
        totals = Totals(reading.trip_distance_m, reading.trip_fuel_ml, reading.trip_idle_s)
        self.trips[trip] = merged(self.trips.get(trip), totals)


def merged_trips(batch: Mapping[Trip, Totals], speed: Iterable[tuple[Trip, Totals]]) -> Trips:
    """Merge the batch view's trips with the speed rows."""
    trips = dict(batch)
    for trip, totals in speed:
        trips[trip] = merged(trips.get(trip), totals)
    return trips
