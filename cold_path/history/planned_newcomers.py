"""Which vehicles there is room to watch, decided for all rows at once: they are folded vehicle by vehicle after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import numpy as np

from rules.limits import HOUR_MS, Newcomers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cold_path.history.rows import Integers, Rows

NEVER_TRIED: Final = -1


class PlannedNewcomers(Newcomers):
    """Admits by the offsets that `plan` has found, in the order of the records."""

    __slots__ = ("_admitted",)

    @classmethod
    def of(cls, counted: Newcomers) -> Self:
        """Go on counting where another left off."""
        planned = cls(counted.most, counted.hour, counted.count)
        planned._admitted = frozenset()
        return planned

    def plan(self, rows: Rows, clock: Integers, refused_hours: Mapping[int, int]) -> None:
        """Find at which of the rows a vehicle begins to be watched.

        Args:
            rows: the partition's next rows, n of them in offset order.
            clock: shape (n,), the partition's clock at each row, broker time in epoch milliseconds.
            refused_hours: by code (index in `rows.vehicles`) the hour in which a vehicle that is not watched was last
                refused; NEVER_TRIED for one that was never heard.
        """
        admitted: dict[int, int] = {}
        for place in _first_of_hours(rows.vehicle, clock, refused_hours):
            code, clock_ms = int(rows.vehicle[place]), int(clock[place])
            is_tried = code not in admitted and clock_ms // HOUR_MS > refused_hours[code]
            if is_tried and super().admit(clock_ms, place):
                admitted[code] = place
        offsets = rows.integers("offset")
        self._admitted = frozenset(int(offsets[place]) for place in admitted.values())

    def admit(self, clock_ms: int, offset: int) -> bool:  # noqa: ARG002 - was decided, and counted, before
        """Return whether the vehicle whose reading lies at this offset is watched from there on."""
        return offset in self._admitted


def _first_of_hours(codes: Integers, clock: Integers, wanted: Mapping[int, int]) -> list[int]:
    """Return, in order, the places of the first row in each hour of each vehicle that is wanted."""
    if not wanted:
        return []
    places = np.flatnonzero(np.isin(codes, list(wanted)))
    hours = clock[places] // HOUR_MS
    keys = np.stack([codes[places], hours], axis=1)
    _, firsts = np.unique(keys, axis=0, return_index=True)
    return [int(place) for place in np.sort(places[firsts])]
