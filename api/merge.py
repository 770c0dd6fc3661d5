"""The merge: one answer from the batch views and the speed rows. What the rankings' SQL must agree with.

Totals of a trip only grow and both layers hold maxima, so their maximum is the total at the later of both offsets.
What a period adds up is corrected trip by trip: (contribution of the maximum) - (contribution of the batch row).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from contracts.definitions import is_ranked_trip
from contracts.vehicle_state import TripTotals, merged_totals

if TYPE_CHECKING:
    from collections.abc import Iterable

View = Literal["merged", "batch", "speed"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What trips add to a period's fuel efficiency: their number, metres and millilitres."""

    trips: int = 0
    distance_m: int = 0
    fuel_ml: int = 0

    @property
    def counts(self) -> tuple[int, int, int]:
        """Give trips, metres and millilitres."""
        return self.trips, self.distance_m, self.fuel_ml

    def __add__(self, other: Contribution) -> Contribution:
        """Add up."""
        return Contribution(self.trips + other.trips, self.distance_m + other.distance_m, self.fuel_ml + other.fuel_ml)

    def __sub__(self, other: Contribution) -> Contribution:
        """Take away."""
        return Contribution(self.trips - other.trips, self.distance_m - other.distance_m, self.fuel_ml - other.fuel_ml)


NOTHING = Contribution()


def contribution(trip: TripTotals | None) -> Contribution:
    """Give what one trip adds: nothing when it is absent, too short, or without fuel."""
    if trip is None or trip.fuel_ml is None or not is_ranked_trip(trip.distance_m, trip.fuel_ml):
        return NOTHING
    return Contribution(1, trip.distance_m, trip.fuel_ml)


def merged_trip(batch: TripTotals | None, speed: TripTotals | None) -> TripTotals | None:
    """Give a trip as both layers know it; an absent row or counter says nothing."""
    if batch is None or speed is None:
        return batch or speed
    return merged_totals(batch, speed)


def correction(batch: TripTotals | None, speed: TripTotals | None) -> Contribution:
    """Give what a speed row adds to a period's batch aggregate."""
    return contribution(merged_trip(batch, speed)) - contribution(batch)


def merged_period(aggregate: Contribution, live: Iterable[tuple[TripTotals | None, TripTotals | None]]) -> Contribution:
    """Correct a period's batch aggregate by its trips with speed rows, as (batch row, speed row)."""
    total = aggregate
    for batch, speed in live:
        total += correction(batch, speed)
    return total
