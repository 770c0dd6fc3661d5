"""The merged trips against the recomputed ones: every trip, every counter, and the sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cold_path.verification.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cold_path.verification.totals import Trip, Trips


@dataclass(frozen=True, slots=True)
class Difference:
    """One trip on which both sides do not agree; a side without the trip is None."""

    vehicle_id: str
    trip_started_at_ms: int
    merged: Totals | None
    recomputed: Totals | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing found; equal when there is no difference."""

    trips: int
    """Trips on either side."""
    vehicles: int
    differing: int
    missing: int
    """Trips that were recomputed but that the store does not have."""
    extra: int
    """Trips that the store has but that no record speaks of."""
    merged_sums: Totals
    recomputed_sums: Totals
    differences: tuple[Difference, ...]

    @property
    def is_equal(self) -> bool:
        """Tell whether both sides agree on every trip."""
        return not self.differences


def compared(merged: Mapping[Trip, Totals], recomputed: Trips) -> Comparison:
    """Compare trip by trip."""
    trips = sorted(merged.keys() | recomputed.keys())
    differences = tuple(
        Difference(*trip, merged.get(trip), recomputed.get(trip))
        for trip in trips
        if merged.get(trip) != recomputed.get(trip)
    )
    missing = sum(difference.merged is None for difference in differences)
    extra = sum(difference.recomputed is None for difference in differences)
    return Comparison(
        trips=len(trips),
        vehicles=len({vehicle_id for vehicle_id, _ in trips}),
        differing=len(differences) - missing - extra,
        missing=missing,
        extra=extra,
        merged_sums=sums(merged.values()),
        recomputed_sums=sums(recomputed.values()),
        differences=differences,
    )


def sums(trips: Iterable[Totals]) -> Totals:
    """Give the sum of each counter over all trips that have it."""
    distance_m = fuel_ml = idle_s = 0
    for totals in trips:
        distance_m += totals.distance_m or 0
        fuel_ml += totals.fuel_ml or 0
        idle_s += totals.idle_s or 0
    return Totals(distance_m, fuel_ml, idle_s)
