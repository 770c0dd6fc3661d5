"""Readings of many trips as columns: what matching works on."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns of equal length, by trip, in each by sequence; NaN where a reading lacks the signal.

    `trip` numbers the trips of these columns in rising order. Distance, fuel and idling are the trip's counters.
    """

    trip: Ints
    recorded_at_ms: Ints
    latitude_deg: Floats
    longitude_deg: Floats
    heading_deg: Floats
    speed_kmh: Floats
    distance_m: Floats
    fuel_ml: Floats
    idle_s: Floats

    def __len__(self) -> int:
        """Count readings."""
        return len(self.trip)

    def where(self, chosen: Flags | Ints) -> Readings:
        """Give some of the readings, in the order they stand or are asked for."""
        return Readings(*(getattr(self, column.name)[chosen] for column in fields(self)))


def in_order(readings: Readings) -> Readings:
    """Leave out readings whose clock or distance went back within their trip: nothing can be measured between them."""
    kept = np.ones(len(readings), dtype=np.bool_)
    for column in (readings.recorded_at_ms, readings.distance_m):
        highest = _highest_before(column.astype(np.float64), readings.trip)
        kept &= column >= highest
    return readings.where(kept)


def _highest_before(values: Floats, trip: Ints) -> Floats:
    """Give the highest value up to each row within its trip; lifted by trip, so that one pass serves all."""
    span = float(values.max() - values.min()) + 1.0 if len(values) else 1.0
    lifted = values - (values.min() if len(values) else 0.0) + trip * span
    highest: Floats = np.maximum.accumulate(lifted) - trip * span + (values.min() if len(values) else 0.0)
    return highest
