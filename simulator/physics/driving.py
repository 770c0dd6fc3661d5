"""How a trip is driven: legs between changes of speed, stops at signals, turns; arrays over cars, no engine here."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.vehicles.fleet import Fleet, Floats, Integers

CITY_RADIUS_M: Final = 7_000.0
_STOP, _CITY, _ARTERIAL = 0.28, 0.72, 0.93
_LEFT, _RIGHT = 0.25, 0.5
_SHARPEST_RESPONSE_S: Final = 1.5
_STANDING_MPS: Final = 0.3
_USABLE_POWER: Final = 0.7


class Legs:
    """Where each car is going next: the speed it aims at and for how much longer, in seconds."""

    def __init__(self, cars: int) -> None:
        """Begin with no leg; the first step chooses one."""
        self.target_mps = np.zeros(cars)
        self.left_s = np.zeros(cars)
        self.turn_deg = np.zeros(cars)
        """By how much the car turned as its leg began; zero on every other step."""

    def begin(self, rows: Integers) -> None:
        """Start a trip: a few seconds of standing before the first leg."""
        self.target_mps[rows] = 0
        self.left_s[rows] = 4

    def advance(self, cars: Fleet, *, dt_s: float, driving: Integers, random: np.random.Generator) -> None:
        """Count the legs down and choose new ones where they ran out."""
        self.left_s -= dt_s
        self.turn_deg[:] = 0
        over = driving[self.left_s[driving] <= 0]
        if len(over):
            self._choose(cars, over, random.random((4, len(over))))

    def _choose(self, cars: Fleet, rows: Integers, u: Floats) -> None:
        kind = np.where(self.target_mps[rows] == 0, _STOP + u[0] * (1 - _STOP), u[0])
        road = np.select(
            [kind < _STOP, kind < _CITY, kind < _ARTERIAL], [0 * u[1], 7 + 7 * u[1], 14 + 5 * u[1]], 23 + 6 * u[1]
        )
        longest = np.select([kind < _STOP, kind < _CITY, kind < _ARTERIAL], [35.0, 45.0, 80.0], 150.0)
        self.target_mps[rows] = road * cars.haste[rows]
        self.left_s[rows] = longest * (0.25 + 0.75 * u[2])
        self.turn_deg[rows] = np.select(
            [kind < _STOP, u[3] < _LEFT, u[3] < _RIGHT], [0.0, -90.0, 90.0], (u[3] - 0.75) * 40
        )


def acceleration(cars: Fleet, speed_mps: Floats, target_mps: Floats, road_n: Floats) -> Floats:
    """Give m/s² towards the target: within the driver's style and the engine's power."""
    wanted = (target_mps - speed_mps) / _SHARPEST_RESPONSE_S
    power_n = _USABLE_POWER * cars.rated_kw * 1000 / np.maximum(speed_mps, 3)
    strongest = np.minimum(cars.acceleration * (1 - speed_mps / 60), (power_n - road_n) / cars.mass_kg)
    return np.asarray(np.clip(wanted, -cars.braking, strongest))


def speed_after(speed_mps: Floats, acceleration_mps2: Floats, target_mps: Floats, dt_s: float) -> Floats:
    """Give the speed `dt_s` later; a car that means to stand and nearly does, stands."""
    speed = np.maximum(speed_mps + acceleration_mps2 * dt_s, 0)
    return np.where((target_mps == 0) & (speed < _STANDING_MPS), 0, speed)


def braking_s(cars: Fleet, speed_mps: Floats) -> Floats:
    """Give the seconds before a trip's end at which the driver begins to stop."""
    return np.asarray(speed_mps / cars.braking + 6)


def homewards_deg(position_m: Floats, heading_deg: Floats) -> Floats:
    """Give the heading: unchanged within the city, back towards its centre outside."""
    is_outside = np.hypot(position_m[:, 0], position_m[:, 1]) > CITY_RADIUS_M
    centre = np.degrees(np.arctan2(-position_m[:, 0], -position_m[:, 1]))
    return np.where(is_outside, centre, heading_deg) % 360
