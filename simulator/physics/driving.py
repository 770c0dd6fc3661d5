"""How hard a driver accelerates and brakes towards the speed that the road asks for."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.physics.engine import GRAVITY
from simulator.vehicles.fleet import Fleet, Floats

_SHARPEST_RESPONSE_S: Final = 1.5
_STANDING_MPS: Final = 0.5
_USABLE_POWER: Final = 0.7
_HARDEST: Final = 1.7


def acceleration(cars: Fleet, speed_mps: Floats, aim_mps: Floats, road_n: Floats, grade: Floats, dt_s: float) -> Floats:
    """Give m/s² towards the aim: within the driver's style, the brakes, and what power the hill leaves."""
    missing = aim_mps - speed_mps
    wanted = np.where(missing < 0, missing / dt_s, missing / max(_SHARPEST_RESPONSE_S, dt_s))
    power_n = _USABLE_POWER * cars.rated_kw * 1000 / np.maximum(speed_mps, 3)
    uphill = GRAVITY * np.maximum(grade, 0)
    strongest = np.minimum(cars.acceleration * (1 - speed_mps / 60), (power_n - road_n) / cars.mass_kg - uphill)
    return np.asarray(np.clip(wanted, -_HARDEST * cars.braking, strongest))


def speed_after(speed_mps: Floats, acceleration_mps2: Floats, aim_mps: Floats, dt_s: float) -> Floats:
    """Give the speed `dt_s` later; a car that means to stand and nearly does, stands."""
    speed = np.maximum(speed_mps + acceleration_mps2 * dt_s, 0)
    return np.where((aim_mps < _STANDING_MPS) & (speed < _STANDING_MPS), 0, speed)
