"""Battery and alternator: what the system's voltage is, and how full the battery."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.vehicles.fleet import Floats

RESTING_V: Final = (11.9, 12.75)
"""Open-circuit voltage of a lead battery, empty and full."""
STARTING_TAKES: Final = 0.02
"""The share of its charge that starting the engine costs."""
_CHARGING_S: Final = 900.0
_SELF_DISCHARGE_S: Final = 120 * 86_400.0
"""Clocks and alarms empty a battery in about four months."""
_HUNGRY_V: Final = 0.6
"""By how much an empty battery pulls the voltage down while it charges."""
_IDLING_V: Final = 0.12
_IDLING_RPM: Final = 1000.0
_COMPENSATION_V_PER_K: Final = -0.004
_COMPENSATED_AT_C: Final = 20.0


def charge_after(charge: Floats, is_running: NDArray[np.bool_], dt_s: float) -> Floats:
    """Give the battery's charge, 0 to 1: it nears full while the alternator turns."""
    return np.where(is_running, charge + (1 - charge) * min(dt_s / _CHARGING_S, 1), charge)


def charge_after_parking(charge: Floats, parked_s: Floats) -> Floats:
    """Give the charge with which the engine has been started after standing."""
    return np.asarray(np.maximum(charge * np.exp(-parked_s / _SELF_DISCHARGE_S) - STARTING_TAKES, 0))


def system_v(charge: Floats, rpm: Floats, *, charging_v: Floats, ambient_c: Floats) -> Floats:
    """Give the voltage: the regulator's, lower when warm, when idling and while the battery is hungry; at rest its own.

    Regulators give 13.5 to 14.8 V, and less the warmer it is.
    """
    running_v = charging_v + _COMPENSATION_V_PER_K * (ambient_c - _COMPENSATED_AT_C)
    running_v = running_v - _HUNGRY_V * (1 - charge) - _IDLING_V * (rpm < _IDLING_RPM)
    low, high = RESTING_V
    return np.where(rpm > 0, running_v, low + (high - low) * charge)
