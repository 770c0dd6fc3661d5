"""A trip's totals, raised by readings in whatever order: each is the maximum seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.vehicle_state import TripTotals, merged_totals

if TYPE_CHECKING:
    from contracts.reading import Reading
    from contracts.vehicle_state import VehicleState


def totals_of(reading: Reading) -> TripTotals:
    """Give the totals as one reading has them."""
    return TripTotals(
        trip_started_at_ms=reading.trip_started_at_ms,
        distance_m=reading.trip_distance_m,
        ended_at_ms=reading.recorded_at_ms,
        fuel_ml=reading.trip_fuel_ml,
        idle_s=reading.trip_idle_s,
    )


def count_in(state: VehicleState, reading: Reading) -> None:
    """Let a reading of any trip count; the trip that began last is the current one, `trips[0]`."""
    add_totals(state, totals_of(reading))
    if state.trips[0].trip_started_at_ms < reading.trip_started_at_ms:  # a new trip is the current one
        state.trips.insert(0, state.trips.pop())


def add_totals(state: VehicleState, totals: TripTotals) -> None:
    """Raise the totals of a trip by another view of it."""
    for at, known in enumerate(state.trips):
        if known.trip_started_at_ms == totals.trip_started_at_ms:
            state.trips[at] = merged_totals(known, totals)
            return
    state.trips.append(totals)
