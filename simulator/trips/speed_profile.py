"""How fast a route may be driven at each of its points: limits, turns, and braking for what comes. Pure arrays."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.vehicles.fleet import Floats

_CORNER_M: Final = 8.0
"""How far before a corner the path begins to bend."""
_SIDEWAYS_MPS2: Final = 2.4
"""What drivers bear sideways in town (Reymond et al., "Role of lateral acceleration in curve driving", 2001)."""
_SLOWEST_MPS: Final = 2.5
_STRAIGHT_DEG: Final = 8.0


def turning_mps(turn_deg: Floats) -> Floats:
    """Give the speed for a turn: v² = a r on the arc that cuts the corner, r = 8 m / tan(angle / 2)."""
    angle = np.radians(np.clip(np.abs(turn_deg), _STRAIGHT_DEG, 175))
    mps = np.sqrt(_SIDEWAYS_MPS2 * _CORNER_M / np.tan(angle / 2))
    return np.where(np.abs(turn_deg) < _STRAIGHT_DEG, np.inf, np.maximum(mps, _SLOWEST_MPS))


def allowed_mps(limit_mps: Floats, step_m: float, braking_mps2: float) -> Floats:
    """Give the highest speed at each point, `step_m` apart, from which all later limits can be kept by this braking.

    v² = min over later points of (limit² + 2 b distance), by one running minimum from the end.
    """
    slope = 2 * braking_mps2 * step_m * np.arange(len(limit_mps))
    lowest = np.minimum.accumulate((limit_mps**2 + slope)[::-1])[::-1]
    return np.asarray(np.sqrt(np.maximum(lowest - slope, 0)))


def after_mps(speed_mps: Floats, left_m: Floats, braking_mps2: Floats, dt_s: float) -> Floats:
    """Give the speed after `dt_s` from which a car still stops within `left_m` by constant braking.

    Solves v'² = 2 b (left - (v + v') dt / 2) for v', so that a step of any length ends where braking began right.
    """
    reach = 4 * braking_mps2 * np.maximum(2 * left_m - speed_mps * dt_s, 0)
    slowing = braking_mps2 * dt_s
    return np.asarray((np.sqrt(slowing**2 + reach) - slowing) / 2)
