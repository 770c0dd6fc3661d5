"""Readings as columns: one array a signal, named as in the contract; and each row as a Reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.reading import Reading
from simulator.vehicles.fleet import Integers

OIL_LEVELS: Final = ("NORMAL", "LOW", "CRITICALLY_LOW")

PLACES: Final[dict[str, int]] = {
    "speed_kmh": 1,
    "engine_rpm": 0,
    "latitude_deg": 6,
    "longitude_deg": 6,
    "altitude_m": 1,
    "heading_deg": 1,
    "acceleration_mps2": 2,
    "engine_load_pct": 1,
    "throttle_pct": 1,
    "manifold_kpa": 1,
    "air_flow_gps": 2,
    "intake_air_c": 1,
    "ambient_air_c": 1,
    "coolant_c": 1,
    "oil_c": 1,
    "oil_pressure_kpa": 0,
    "battery_v": 2,
    "fuel_level_pct": 1,
    "short_fuel_trim_pct": 1,
    "long_fuel_trim_pct": 1,
}
"""How many decimal places each signal is sent with."""


@dataclass(frozen=True, slots=True)
class ReadingColumns:
    """Some readings. Every column has one element a reading: all of the contract's fields but `trouble_codes`.

    `oil_level` is an index into OIL_LEVELS, `tyre_pressures_kpa` has four columns; `trouble_codes` are by row.
    """

    values: dict[str, NDArray[Any]]
    partition: Integers
    """Where each goes."""
    trouble_codes: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.values["vehicle_id"])

    def take(self, rows: Integers) -> ReadingColumns:
        """Give these rows, in this order."""
        values = {name: column[rows] for name, column in self.values.items()}
        return ReadingColumns(values, self.partition[rows], self._codes(rows))

    def moved(self, rows: Integers) -> ReadingColumns:
        """Give these rows and lose them here, a column at a time, so that memory holds little more than one copy."""
        values = {name: self.values.pop(name).take(rows, axis=0) for name in list(self.values)}
        return ReadingColumns(values, self.partition[rows], self._codes(rows))

    def _codes(self, rows: Integers) -> dict[int, tuple[str, ...]]:
        if not self.trouble_codes:
            return {}
        return {at: self.trouble_codes[row] for at, row in enumerate(rows.tolist()) if row in self.trouble_codes}

    def part(self, start: int, end: int) -> ReadingColumns:
        """Give rows from `start` to before `end`, without a copy."""
        codes = {row - start: self.trouble_codes[row] for row in range(start, end) if row in self.trouble_codes}
        values = {name: column[start:end] for name, column in self.values.items()}
        return ReadingColumns(values, self.partition[start:end], codes)

    def reading(self, row: int) -> Reading:
        """Give one row as a Reading, rounded as it is sent."""
        fields = {name: _plain(name, values[row]) for name, values in self.values.items()}
        return Reading(**fields, trouble_codes=self.trouble_codes.get(row, ()))


def _plain(name: str, value: Any) -> Any:
    if name in PLACES:
        return scaled(np.asarray(value), PLACES[name]).item() / 10 ** PLACES[name]
    if name == "vehicle_id":
        return value.decode()
    if name == "oil_level":
        return OIL_LEVELS[int(value)]
    if name == "tyre_pressures_kpa":
        return tuple(kpa / 10 for kpa in scaled(value, 1).tolist())
    return value.item()


def scaled(values: NDArray[Any], places: int) -> Integers:
    """Give values as whole numbers of their last decimal place."""
    whole: Integers = np.rint(np.asarray(values, dtype=np.float64) * 10**places).astype(np.int64)
    return whole
