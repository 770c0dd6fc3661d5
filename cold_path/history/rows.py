"""Rows of the lake as arrays, and single ones of them as readings: an object is made only where a rule looks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cold_path.lake.judgement import READING_TYPES
from contracts.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]

_WHEELS: Final = 4
_NOBODY: Final = -1


class Rows:
    """Rows of one Kafka partition in offset order; those of a rejected record belong to nobody."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        """Look at nothing yet."""
        self._batch = batch
        self._names = frozenset(batch.schema.names)
        self.count: int = batch.num_rows
        self._cells: list[Callable[[int], Any]] | None = None

    def reading(self, row: int) -> Reading:
        """Make the reading of a row."""
        if self._cells is None:
            self._cells = [self._cell(name) for name in READING_TYPES]
        return Reading(*[cell(row) for cell in self._cells])

    def column(self, name: str) -> pa.Array | None:
        """Give a column of the lake; None where it was left out, as no rule reads it."""
        return self._batch.column(name) if name in self._names else None

    def numbers(self, name: str) -> Numbers:
        """Give a column as numbers, NaN where a reading has none."""
        column = self.column(name)
        if column is None:
            return np.full(self.count, np.nan)
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)

    def integers(self, name: str) -> Integers:
        """Give a column as integers, 0 where a reading has none."""
        column = self._batch.column(name)
        filled = column if column.null_count == 0 else pc.fill_null(column, 0)
        return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)

    def carried(self, name: str) -> Truths:
        """Tell which rows have a signal."""
        column = self.column(name)
        if column is None:
            return np.zeros(self.count, np.bool_)
        return np.asarray(column.is_valid().to_numpy(zero_copy_only=False))

    @cached_property
    def tyres(self) -> Numbers:
        """Give the tyre pressures, one column a wheel; NaN where a reading has none."""
        column, pressures = self.column("tyre_pressures_kpa"), np.full((self.count, _WHEELS), np.nan)
        if column is not None:
            told = column.flatten().to_numpy(zero_copy_only=False)
            pressures[self.carried("tyre_pressures_kpa")] = told.reshape(-1, _WHEELS)
        return pressures

    @cached_property
    def vehicles(self) -> list[str]:
        """Give the VINs that occur."""
        found: list[str] = self._vehicle_codes.dictionary.to_pylist()
        return found

    @cached_property
    def vehicle(self) -> Integers:
        """Give each row's index in `vehicles`, less than 0 for nobody."""
        codes = self._vehicle_codes.indices
        return np.asarray(pc.fill_null(codes, _NOBODY).to_numpy(zero_copy_only=False), np.int64)

    @cached_property
    def _vehicle_codes(self) -> pa.DictionaryArray:
        return self._batch.column("vehicle_id").dictionary_encode()

    def _cell(self, name: str) -> Callable[[int], Any]:
        """Give what gives a reading's value of one field."""
        column = self.column(name)
        if column is None or column.null_count == self.count:
            return lambda _: None
        if name == "vehicle_id":
            names, codes = self.vehicles, self.vehicle.tolist()
            return lambda row: names[codes[row]]
        if pa.types.is_list(column.type):
            return lambda row: None if (values := column[row].as_py()) is None else tuple(values)
        if column.null_count or pa.types.is_string(column.type):
            return column.to_pylist().__getitem__  # type: ignore[no-any-return]
        return column.to_numpy(zero_copy_only=False).tolist().__getitem__  # type: ignore[no-any-return]
