"""The readings of step after step, side by side in columns that have room for all of them from the start.

Joining them at the end would need memory for everything twice.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.readings.columns import ReadingColumns
from simulator.vehicles.fleet import Integers

_EXACT: Final = frozenset({"latitude_deg", "longitude_deg"})
_SMALL: Final = {
    "trip_distance_m": np.int32,
    "trip_fuel_ml": np.int32,
    "trip_idle_s": np.int32,
    "odometer_m": np.int32,
    "misfires": np.int32,
    "oil_level": np.int8,
}


class Gathered:
    """Room for `most` readings; memory is taken as they come."""

    def __init__(self, most: int) -> None:
        """Begin with none."""
        self._most = most
        self._count = 0
        self._row: Integers = np.empty(most, dtype=np.int64)
        self._partition: NDArray[Any] = np.empty(most, dtype=np.int8)
        self._values: dict[str, NDArray[Any]] = {}
        self._codes: dict[int, tuple[str, ...]] = {}

    def add(self, rows: Integers, made: ReadingColumns) -> None:
        """Take what these rows said."""
        if not self._values:
            self._values = {
                name: np.empty((self._most, *values.shape[1:]), dtype=_kept(name, values))
                for name, values in made.values.items()
            }
        part = slice(self._count, self._count + len(made))
        self._row[part], self._partition[part] = rows, made.partition
        for name, values in made.values.items():
            self._values[name][part] = values
        self._codes.update((self._count + row, some) for row, some in made.trouble_codes.items())
        self._count += len(made)

    def taken(self) -> tuple[Integers, ReadingColumns]:
        """Give each reading's row, and the readings, and keep nothing."""
        whole = slice(self._count)
        columns, self._values = self._values, {}
        values = {name: columns.pop(name)[whole] for name in list(columns)}
        return self._row[whole], ReadingColumns(values, self._partition[whole], self._codes)


def _kept(name: str, values: NDArray[Any]) -> np.dtype[Any]:
    """Give what a column is kept as: sensors have no more than a float32's digits."""
    if name in _SMALL:
        return np.dtype(_SMALL[name])
    return np.dtype(np.float32) if values.dtype == np.float64 and name not in _EXACT else values.dtype
