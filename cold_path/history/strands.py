"""Strands: a partition's rows vehicle by vehicle, each in offset order, and the runs in them that need no look."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from contracts.vehicle_state import greatest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cold_path.history.rows import Integers, Rows, Truths
    from contracts.reading import Reading
    from rules.followed import Followed

_DRIVEN: Final = ("offset", "sequence", "trip_started_at_ms")
_RISING: Final = ("received_at_ms", "recorded_at_ms", "trip_distance_m")
_PERHAPS: Final = ("trip_fuel_ml", "trip_idle_s")


class Strands:
    """Lists are by strand: one vehicle after the other. A *place* is a row's index among the rows as they came."""

    def __init__(self, rows: Rows, healthy: Truths, *, clock_ms: int, silence_ms: int) -> None:
        """Order the rows; `clock_ms` is the partition's clock before them."""
        self._rows = rows
        self.count = rows.count
        received = rows.integers("received_at_ms")
        self.clock = np.maximum.accumulate(np.maximum(received, clock_ms))
        """The partition's clock at each place, broker time in epoch milliseconds."""
        self.last_clock_ms = int(self.clock[-1]) if self.count else clock_ms
        rises = np.flatnonzero(np.diff(self.clock, prepend=clock_ms) > 0)
        self.rises: list[int] = rises.tolist()
        """Places of the records that moved the clock on."""
        self.rise_clock_ms: list[int] = self.clock[rises].tolist()
        order = np.argsort(rows.vehicle, kind="stable")
        order = order[int((rows.vehicle < 0).sum()) :]
        columns = {name: rows.integers(name)[order] for name in (*_DRIVEN, *_RISING, *_PERHAPS)}
        carried = {name: rows.carried(name)[order] for name in _PERHAPS}
        self.place: list[int] = order.tolist()
        self.healthy: list[bool] = healthy[order].tolist()
        self.clock_ms: list[int] = self.clock[order].tolist()
        self.received_ms: list[int] = columns["received_at_ms"].tolist()
        self.offset: list[int] = columns["offset"].tolist()
        self.sequence: list[int] = columns["sequence"].tolist()
        self.trip: list[int] = columns["trip_started_at_ms"].tolist()
        self.recorded_ms: list[int] = columns["recorded_at_ms"].tolist()
        self._distance_m: list[int] = columns["trip_distance_m"].tolist()
        self._fuel_ml = _or_none(columns["trip_fuel_ml"], carried["trip_fuel_ml"])
        self._idle_s = _or_none(columns["trip_idle_s"], carried["trip_idle_s"])
        codes = rows.vehicle[order]
        is_heard = columns["received_at_ms"] - _step(columns["received_at_ms"]) > self.clock[order] - silence_ms
        goes_on = _same(codes) & healthy[order] & is_heard & _goes_on(columns, carried)
        self._breaks: list[int] = [*np.flatnonzero(~goes_on).tolist(), len(codes)]
        self.bounds = _bounds(rows.vehicles, codes)
        """Vehicle to its first row and the one after its last."""

    def run_end(self, row: int) -> int:
        """Give the first row after this one that does not go on as a healthy reading in order does."""
        return self._breaks[bisect_right(self._breaks, row)]

    def reading(self, row: int) -> Reading:
        """Make a row's reading."""
        return self._rows.reading(self.place[row])

    def clock_at(self, place: int) -> int:
        """Give the partition's clock at a record, broker time."""
        return int(self.clock[place])

    def count_in(self, known: Followed, row: int) -> None:
        """Move a vehicle's counters to the last row of a run; within it they only rise."""
        known.sequence, known.offset, known.received_at_ms = self.sequence[row], self.offset[row], self.received_ms[row]
        known.ended_at_ms = max(known.ended_at_ms, self.recorded_ms[row])
        known.distance_m = max(known.distance_m, self._distance_m[row])
        known.fuel_ml = greatest(known.fuel_ml, self._fuel_ml[row])
        known.idle_s = greatest(known.idle_s, self._idle_s[row])


def _goes_on(columns: dict[str, Integers], carried: dict[str, Truths]) -> Truths:
    """Tell which rows follow the one before them in the same trip, with counters that do not fall."""
    found = _same(columns["trip_started_at_ms"]) & (_step(columns["sequence"]) > 0)
    for name in (*_RISING, *_PERHAPS):
        found &= _step(columns[name]) >= 0
    for told in carried.values():
        found &= _same(told)
    return found


def _bounds(vehicles: list[str], codes: Integers) -> dict[str, tuple[int, int]]:
    starts = np.flatnonzero(~_same(codes))
    names = [vehicles[code] for code in codes[starts].tolist()]
    return dict(zip(names, pairwise([*starts.tolist(), len(codes)]), strict=True))


def _or_none(values: Integers, carried: Truths) -> list[int | None]:
    if carried.all():
        return list(values.tolist())
    return [value if is_there else None for value, is_there in zip(values.tolist(), carried.tolist(), strict=True)]


def _step(values: Integers) -> Integers:
    """Give how much each value is more than the one before it; 0 for the first."""
    return np.diff(values, prepend=values[:1])


def _same(values: NDArray[Any]) -> Truths:
    """Tell which values equal the one before them; the first does not."""
    same = np.zeros(len(values), np.bool_)
    same[1:] = values[1:] == values[:-1]
    return same
