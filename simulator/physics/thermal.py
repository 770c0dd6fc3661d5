"""How engine and oil warm and cool: one lump of metal and coolant with a thermostat, oil that follows."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.vehicles.fleet import Floats, Integers

THERMOSTAT_OPENS_C: Final = 87.0
THERMOSTAT_OPEN_C: Final = 95.0
HEAT_SHARE: Final = 0.35
"""Of the fuel's power that goes into the coolant (Heywood, Internal Combustion Engine Fundamentals, table 12.1)."""
WARM_C: Final = 75.0
BOILING_C: Final = 128.0
"""Where coolant boils under the pressure cap; a leaking system settles there."""
_COOL_DOWN_S: Final = 5400.0
_OIL_LAG_S: Final = 240.0


def coolant_after(  # noqa: PLR0913 - each is a state of its own
    coolant_c: Floats,
    *,
    fuel_kw: Floats,
    ambient_c: Floats,
    speed_mps: Floats,
    displacement_l: Floats,
    dt_s: float,
    least_opening: Floats | float = 0.0,
) -> Floats:
    """Give the coolant's temperature `dt_s` (at most about 2 s) later; a stuck thermostat has a least opening."""
    capacity_kj = 25 + 30 * displacement_l
    opening = np.clip((coolant_c - THERMOSTAT_OPENS_C) / (THERMOSTAT_OPEN_C - THERMOSTAT_OPENS_C), least_opening, 1)
    rejected = 0.012 + opening * 0.08 * displacement_l * (1 + speed_mps / 8)
    heat = HEAT_SHARE * fuel_kw - rejected * (coolant_c - ambient_c)
    return np.asarray(coolant_c + heat / capacity_kj * dt_s)


def leaking_coolant_after(coolant_c: Floats, *, severity: Floats, reach_s: Floats | float, dt_s: float) -> Floats:
    """Give the temperature with a share `severity` of the coolant lost: it nears boiling within about `reach_s`.

    A cold engine does not lose any: there is no pressure in the system yet.
    """
    pull = np.where(coolant_c >= WARM_C, np.minimum(4 * severity / reach_s * dt_s, 1), 0)
    return np.asarray(coolant_c + pull * np.maximum(BOILING_C - coolant_c, 0))


def oil_after(oil_c: Floats, *, coolant_c: Floats, fuel_kw: Floats, dt_s: float) -> Floats:
    """Give the oil's temperature: it follows the coolant, and runs hotter under load."""
    return np.asarray(oil_c + (coolant_c + 0.08 * fuel_kw - oil_c) * (dt_s / _OIL_LAG_S))


def cooled(temperature_c: Floats, ambient_c: Floats, parked_s: Floats) -> Floats:
    """Give the temperature after standing with the engine off."""
    return np.asarray(ambient_c + (temperature_c - ambient_c) * np.exp(-parked_s / _COOL_DOWN_S))


def ambient_at(recorded_at_ms: Integers | int, offset_c: Floats) -> Floats:
    """Give the air's temperature: 18 °C on average, warmest at 15:00 of the city's clock (UTC-7)."""
    hour = (np.asarray(recorded_at_ms) / 3_600_000 - 7) % 24
    return np.asarray(18 + 6 * np.cos((hour - 15) * (np.pi / 12)) + offset_c)
