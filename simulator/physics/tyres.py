"""Tyres: rolling warms them, and the air in them follows the law of ideal gases."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.vehicles.fleet import Floats

FILLED_AT_C: Final = 18.0
"""The air temperature at which the fleet's tyres have their pressure."""
_KELVIN: Final = 273.15
_OUTSIDE_KPA: Final = 83.4
_WARMING_K_PER_MPS: Final = 0.35
_WARMING_S: Final = 900.0


def tyre_c_after(tyre_c: Floats, *, ambient_c: Floats, speed_mps: Floats, dt_s: float) -> Floats:
    """Give the air's temperature in the tyres: it nears the ambient's, plus a third of a kelvin for each m/s."""
    return np.asarray(tyre_c + (ambient_c + _WARMING_K_PER_MPS * speed_mps - tyre_c) * min(dt_s / _WARMING_S, 1))


def tyre_kpa(filled_kpa: Floats, tyre_c: Floats) -> Floats:
    """Give the pressure above the outside's (four a car): absolute pressure is proportional to absolute temperature."""
    warmth = (tyre_c + _KELVIN) / (FILLED_AT_C + _KELVIN)
    return np.asarray((filled_kpa + _OUTSIDE_KPA) * warmth[:, None] - _OUTSIDE_KPA)
