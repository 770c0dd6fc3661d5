"""When the fleet's trips of the past days began and how long they took: a pure function of seed, end and days."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from contracts.errors import InvalidInput
from simulator.trips.rhythm import BUSY_FROM_H, BUSY_HOURS
from simulator.vehicles.fleet import Floats, Integers

DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_TRIPS_A_DAY: Final = (3, 6)
_TRIP_S: Final = (600.0, 2100.0)
_SHORTEST_PAUSE_S: Final = 240.0
_LONGEST_INTERVAL_S: Final = 300
_UTC_H: Final = 7
"""06:00 to 20:00 of the city's clock (UTC-7) is 13:00 to 03:00 UTC."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Trips, in rising order of car and begin. None overlaps another of the same car; all end before `until_ms`."""

    vehicle: Integers
    started_at_ms: Integers
    trip_s: Floats
    parked_s: Floats
    """How long the car had stood before; a day before its first trip."""

    def __len__(self) -> int:
        """Count the trips."""
        return len(self.vehicle)

    def of(self, is_chosen: np.ndarray) -> Calendar:
        """Give some of the trips; all or none of each car's."""
        return Calendar(*(getattr(self, field.name)[is_chosen] for field in fields(self)))


def calendar(vehicles: int, *, days: float, until_ms: int, random: np.random.Generator) -> Calendar:
    """Plan the trips of `days` days that end before `until_ms`."""
    from_ms = until_ms - round(days * DAY_S * 1000)
    slots = int(np.ceil(days)) + 2
    most = _TRIPS_A_DAY[1]
    u = random.random((3, vehicles, slots, most))
    first_day_ms = from_ms - from_ms % (DAY_S * 1000)
    day_ms = first_day_ms + np.arange(slots)[None, :, None] * DAY_S * 1000
    # A span shorter than a day may hold no busy hour: there cars drive at any.
    in_day_s = (_in_rhythm_h(u[0]) if days >= 1 else 24 * u[0]) * _HOUR_S
    in_day_s.sort(axis=2)
    trip_s = np.floor(_TRIP_S[0] + (_TRIP_S[1] - _TRIP_S[0]) * u[1])
    trips = _TRIPS_A_DAY[0] + (random.random((vehicles, slots)) * (most - _TRIPS_A_DAY[0] + 1)).astype(np.int64)
    is_driven = np.arange(most)[None, None, :] < trips[:, :, None]
    # The busy hours begin in the evening of UTC: the day before belongs to `from_ms` too.
    start_ms = (day_ms - DAY_S * 1000 + in_day_s * 1000).reshape(vehicles, -1).astype(np.int64)
    trip_s, is_driven = trip_s.reshape(vehicles, -1), is_driven.reshape(vehicles, -1)
    end_ms = start_ms + (trip_s * 1000).astype(np.int64)
    is_driven &= (start_ms >= from_ms) & (end_ms < until_ms)
    is_driven &= _without_overlap(start_ms, end_ms, is_driven)
    vehicle, column = np.nonzero(is_driven)
    started_at_ms = start_ms[vehicle, column]
    parked_s = _parked_s(vehicle, started_at_ms, end_ms[vehicle, column])
    return Calendar(vehicle, started_at_ms, trip_s[vehicle, column], parked_s)


def _in_rhythm_h(u: Floats) -> Floats:
    """Give the hour of UTC at which each draw from 0..1 falls, more often in the hours that are busier."""
    share = np.concatenate([[0.0], np.cumsum(BUSY_HOURS) / BUSY_HOURS.sum()])
    return np.asarray(BUSY_FROM_H + _UTC_H + np.interp(u, share, np.arange(len(share))))


def _without_overlap(start_ms: Integers, end_ms: Integers, is_driven: np.ndarray) -> np.ndarray:
    """Tell which trips stay when each that begins before the car has rested from an earlier one is dropped."""
    stays = np.zeros_like(is_driven)
    free_ms = np.zeros(len(start_ms), dtype=np.int64)
    for column in range(start_ms.shape[1]):
        stays[:, column] = is_driven[:, column] & (start_ms[:, column] >= free_ms)
        free_ms = np.where(stays[:, column], end_ms[:, column] + round(_SHORTEST_PAUSE_S * 1000), free_ms)
    return stays


def _parked_s(vehicle: Integers, started_at_ms: Integers, ended_at_ms: Integers) -> Floats:
    parked_s = np.full(len(vehicle), float(DAY_S))
    is_same_car = vehicle[1:] == vehicle[:-1]
    parked_s[1:][is_same_car] = (started_at_ms[1:] - ended_at_ms[:-1])[is_same_car] / 1000
    return parked_s


def interval_s(planned: Calendar, limit: int) -> int:
    """Give the whole seconds between two readings of a trip, so that there are at most `limit` readings in all.

    Raises InvalidInput when even the longest interval gives more.
    """
    for each in range(1, _LONGEST_INTERVAL_S + 1):
        if readings_of(planned, each) <= limit:
            return each
    least = readings_of(planned, _LONGEST_INTERVAL_S)
    raise InvalidInput(
        f"--limit {limit} is too small for {len(planned)} trips, which need {least} readings at least; "
        "raise it, or lower --vehicles or --days"
    )


def readings_of(planned: Calendar, each_s: int) -> int:
    """Count the readings of all trips when there is one every `each_s` seconds, the first and last included."""
    return int(np.sum(planned.trip_s // each_s + 1))
