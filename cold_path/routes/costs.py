"""Road costs as the search wants them: a number per segment, for each vehicle class and time of day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_READ: Final = ["segment_id", "vehicle_class", "time_of_day", "seconds", "fuel_ml"]

Situation = tuple[str, str]
"""A vehicle class and a time of day."""


class RoadCosts:
    """Seconds and millilitres per segment; where a time of day was not driven, those of all day."""

    def __init__(self, rows: pa.Table, segments: int) -> None:
        """Take rows of the view `road_costs` for a network of so many segments."""
        self._by_situation: dict[Situation, tuple[list[float], list[float]]] = {}
        ordered = sorted(zip(*(rows[name].to_pylist() for name in _READ), strict=True), key=lambda row: row[2] != "all")
        for segment, vehicle_class, time_of_day, seconds, fuel_ml in ordered:
            costs = self._of(vehicle_class, time_of_day, segments)
            costs[0][segment], costs[1][segment] = seconds, fuel_ml

    def _of(self, vehicle_class: str, time_of_day: str, segments: int) -> tuple[list[float], list[float]]:
        situation = (vehicle_class, time_of_day)
        if situation not in self._by_situation:
            whole = self._by_situation.get((vehicle_class, "all"))
            fresh = ([0.0] * segments, [0.0] * segments) if whole is None else (whole[0].copy(), whole[1].copy())
            self._by_situation[situation] = fresh
        return self._by_situation[situation]

    def seconds_and_fuel(self, vehicle_class: str, time_of_day: str) -> tuple[list[float], list[float]] | None:
        """Give both by segment, None for a class that nobody registered."""
        found = self._by_situation.get((vehicle_class, time_of_day))
        return found or self._by_situation.get((vehicle_class, "all"))


def read_costs(folder: Path, segments: int) -> RoadCosts:
    """Read a written view `road_costs`."""
    return RoadCosts(pq.read_table(folder, columns=_READ), segments)
