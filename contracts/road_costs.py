"""The words of road costs: the vehicle classes and times of day by which a segment's fuel and time are learnt."""

from __future__ import annotations

import math
from typing import Final, Literal, get_args

VehicleClass = Literal["light", "medium", "heavy"]
VEHICLE_CLASSES: Final[tuple[VehicleClass, ...]] = get_args(VehicleClass)
HEAVIER_FROM_KG: Final[dict[VehicleClass, float]] = {"light": 0.0, "medium": 1_500.0, "heavy": 1_900.0}
"""The mass from which a vehicle belongs to a class; fuel on a road goes with mass more than with anything else."""

TimeOfDay = Literal["all", "night", "morning", "day", "evening"]
TIMES_OF_DAY: Final[tuple[TimeOfDay, ...]] = get_args(TimeOfDay)
FROM_HOUR: Final[dict[TimeOfDay, int]] = {"night": 0, "morning": 6, "day": 10, "evening": 15}
"""The local solar hour from which a time of day begins; from LATE_HOUR on it is night again."""
LATE_HOUR: Final = 20

_HOUR_MS: Final = 3_600_000
_DEGREES_AN_HOUR: Final = 15


def class_of(mass_kg: float) -> VehicleClass:
    """Give the class of a vehicle by its mass."""
    return next(name for name, least in reversed(HEAVIER_FROM_KG.items()) if mass_kg >= least or least == 0)


def local_hour(epoch_ms: int, longitude_deg: float) -> float:
    """Give the mean solar hour at a place, 0 up to 24: the same hour all year, and no time zones to be told."""
    return (epoch_ms / _HOUR_MS + longitude_deg / _DEGREES_AN_HOUR) % 24


def time_of_day(hour: float) -> TimeOfDay:
    """Give the time of day of an hour from 0 up to 24."""
    if hour >= LATE_HOUR:
        return "night"
    return next(name for name, first in reversed(FROM_HOUR.items()) if math.floor(hour) >= first)
