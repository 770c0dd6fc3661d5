"""The day's rhythm: how many trips begin in each hour of the city's clock, and when a parked car drives on. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.vehicles.fleet import Floats

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_CITY_CLOCK_MS: Final = -7 * _HOUR_MS
BUSY_FROM_H: Final = 6
BUSY_HOURS: Final = np.array([1, 3, 3, 1.5, 1, 1, 1.5, 1, 1, 1.5, 3, 3, 2, 1])
"""How many trips begin from 06:00 to 20:00, hour by hour: to work and back, and at noon."""
_NIGHT: Final = 0.1
"""How many begin in an hour of the night: somebody always drives."""
TRIPS_A_DAY: Final = 4.5


def _trips_until_hour() -> Floats:
    by_hour = np.full(24, _NIGHT)
    by_hour[BUSY_FROM_H : BUSY_FROM_H + len(BUSY_HOURS)] = BUSY_HOURS
    return np.concatenate([[0.0], np.cumsum(by_hour) * (TRIPS_A_DAY / by_hour.sum())])


_UNTIL_HOUR: Final = _trips_until_hour()
_HOURS_MS: Final = np.arange(25) * float(_HOUR_MS)


def clock_h(at_ms: float) -> float:
    """Give the hours that the city's clock shows (UTC-7) at an epoch time."""
    return (at_ms + _CITY_CLOCK_MS) % _DAY_MS / _HOUR_MS


def trips_a_second(at_ms: float) -> float:
    """Give how many trips a parked car begins in a second of that hour."""
    hour = int(clock_h(at_ms))
    return float(_UNTIL_HOUR[hour + 1] - _UNTIL_HOUR[hour]) / 3600


def share_driving(at_ms: float, trip_s: float) -> float:
    """Give the share of a fleet that drives at that hour, when trips take so long."""
    busy = trips_a_second(at_ms) * trip_s
    return busy / (1 + busy)


def next_trip_ms(at_ms: float, u: Floats) -> Floats:
    """Give when parked cars begin a trip, in epoch milliseconds, by draws from 0 to below 1; not before `at_ms`.

    A Poisson process whose rate is the hour's: its integral over the wait is drawn from an exponential distribution.
    """
    city_ms = at_ms + _CITY_CLOCK_MS
    midnight_ms = city_ms // _DAY_MS * _DAY_MS
    begun = np.interp(city_ms - midnight_ms, _HOURS_MS, _UNTIL_HOUR) - np.log1p(-u)
    days, rest = np.divmod(begun, TRIPS_A_DAY)
    return np.asarray(midnight_ms - _CITY_CLOCK_MS + days * _DAY_MS + np.interp(rest, _UNTIL_HOUR, _HOURS_MS))
