"""What faults do to the signals a car sends; what they do to its physics is in `cars`."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.faults.fault import FaultKind
from simulator.readings.columns import ReadingColumns
from simulator.vehicles.fleet import Floats, Integers

_LOST_V: Final = 4.2
"""By how much the voltage falls until a battery that nothing charges is flat."""
_OIL_LOW_FROM: Final = 0.4
_LOST_PRESSURE: Final = 0.8
"""The share of its pressure that a worn-out oil pump does not give."""
_LEAN_PCT: Final = 70.0
"""What the closed loop adds, in percent of fuel, where that much is missing."""
_LOST_FUEL: Final = 0.97
_MISFIRE_CODE_FROM: Final = 0.5
_OPEN_CIRCUIT_C: Final = -40.0
_NOISE_C: Final = 3.0
_NOISE_FUEL_PCT: Final = 8.0
"""A loose contact. The fuel gauge of a real healthy car swings by up to 49 points within a minute."""


def show(columns: ReadingColumns, severity: dict[FaultKind, Floats], random: np.random.Generator) -> None:
    """Change the signals, in place; severities have one element a reading."""
    signals = columns.values
    signals["battery_v"] = signals["battery_v"] - _LOST_V * severity["alternator_failure"]
    signals["oil_level"] = (severity["oil_loss"] >= _OIL_LOW_FROM).astype(np.int64)
    signals["oil_pressure_kpa"] = signals["oil_pressure_kpa"] * (1 - _LOST_PRESSURE * severity["oil_pump_wear"])
    signals["tyre_pressures_kpa"][:, 2] *= 1 - 0.4 * severity["slow_puncture"]
    added_pct = _LEAN_PCT * severity["lean_mixture"] * signals["ignition_on"]
    signals["short_fuel_trim_pct"] = signals["short_fuel_trim_pct"] + added_pct
    signals["fuel_level_pct"] = signals["fuel_level_pct"] * (1 - _LOST_FUEL * severity["fuel_leak"])
    signals["misfires"] = np.floor(60 * severity["misfire"]).astype(np.int64)
    misfiring = np.flatnonzero(severity["misfire"] >= _MISFIRE_CODE_FROM)
    columns.trouble_codes.update((row, ("P0300",)) for row in misfiring.tolist())
    signals["coolant_c"] = np.where(severity["sensor_stuck"] > 0, _OPEN_CIRCUIT_C, signals["coolant_c"])
    _shake(columns, np.flatnonzero(severity["sensor_noisy"]), severity["sensor_noisy"], random)
    _glitch(columns, np.flatnonzero(severity["glitch"]))


def _shake(columns: ReadingColumns, rows: Integers, severity: Floats, random: np.random.Generator) -> None:
    if not len(rows):
        return
    noise = random.standard_normal((2, len(rows))) * severity[rows]
    signals = columns.values
    signals["coolant_c"][rows] += _NOISE_C * noise[0]
    signals["fuel_level_pct"][rows] = np.clip(signals["fuel_level_pct"][rows] + _NOISE_FUEL_PCT * noise[1], 0, 100)


GLITCHES: Final[tuple[tuple[str, float], ...]] = (
    ("coolant_c", 160.0),
    ("coolant_c", -40.0),
    ("battery_v", 5.0),
    ("battery_v", 19.0),
    ("oil_pressure_kpa", 0.0),
    ("oil_c", 200.0),
    ("short_fuel_trim_pct", 99.0),
    ("fuel_level_pct", 0.0),
    ("misfires", 500),
    ("engine_rpm", 9000.0),
)
"""Single samples that would raise an alert at once if a rule had no duration."""


def _glitch(columns: ReadingColumns, rows: Integers) -> None:
    """Damage one signal of each of these readings, chosen by its sequence number; every eleventh claims a code."""
    for row in rows.tolist():
        kind = int(columns.values["sequence"][row]) % (len(GLITCHES) + 1)
        if kind == len(GLITCHES):
            columns.trouble_codes[row] = ("P0217",)
        else:
            signal, value = GLITCHES[kind]
            columns.values[signal][row] = value
