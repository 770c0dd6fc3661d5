"""When a dashcam takes a picture: harsh braking, and a lamp that comes on. It knows what the car knows, no faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.definitions import HARSH_MPS2
from contracts.reading import Reading
from contracts.snapshot import SnapshotEvent
from simulator.readings.columns import ReadingColumns

_AGAIN_MS: Final = 30_000
"""A car that brakes harshly again within this time has taken its picture."""
_HOT_C: Final = 110.0
_LOW_VOLTAGE: Final = 11.5
_LOW_OIL_KPA: Final = 70.0
_CRITICALLY_LOW: Final = 2


class Moment(NamedTuple):
    """A reading that deserves a picture, and why."""

    reading: Reading
    event: SnapshotEvent
    detail: str


class Moments:
    """Looks through readings in rising time; of the cars that have a camera."""

    def __init__(self, equipped: Iterable[bytes]) -> None:
        """Begin with nothing seen; `equipped` are VINs."""
        self._braked_at_ms: dict[bytes, int] = dict.fromkeys(equipped, -_AGAIN_MS)
        self._lit: dict[bytes, tuple[int, set[str]]] = {}
        """The lamps that came on in a car's trip, by when the trip began."""

    def of(self, readings: ReadingColumns) -> Iterator[Moment]:
        """Give the moments among these readings, in their order."""
        braking = readings.values["acceleration_mps2"] < -HARSH_MPS2
        lamps = _lamps(readings)
        any_lamp = np.logical_or.reduce(list(lamps.values()))
        any_lamp[list(readings.trouble_codes)] = True
        for row in np.flatnonzero(braking | any_lamp).tolist():
            vehicle_id: bytes = readings.values["vehicle_id"][row]
            if vehicle_id not in self._braked_at_ms:
                continue
            reading = readings.reading(row)
            lit = [name for name, mask in lamps.items() if mask[row]]
            lit += readings.trouble_codes.get(row, ())
            for lamp in self._newly_lit(vehicle_id, reading, lit):
                yield Moment(reading, "warning_light", lamp)
            if braking[row] and self._brakes_anew(vehicle_id, reading):
                yield Moment(reading, "harsh_braking", f"{reading.acceleration_mps2} m/s²")

    def _brakes_anew(self, vehicle_id: bytes, reading: Reading) -> bool:
        since_ms = reading.recorded_at_ms - self._braked_at_ms[vehicle_id]
        self._braked_at_ms[vehicle_id] = reading.recorded_at_ms
        return since_ms >= _AGAIN_MS

    def _newly_lit(self, vehicle_id: bytes, reading: Reading, lit: list[str]) -> list[str]:
        trip_ms, before = self._lit.get(vehicle_id, (0, set()))
        if trip_ms != reading.trip_started_at_ms:
            before = set()
        self._lit[vehicle_id] = (reading.trip_started_at_ms, before | set(lit))
        return [lamp for lamp in lit if lamp not in before]


def _lamps(readings: ReadingColumns) -> dict[str, NDArray[np.bool_]]:
    """Tell which lamps of the dashboard are lit, by reading."""
    values = readings.values
    is_running = values["engine_rpm"] > 0
    return {
        "coolant temperature": is_running & (values["coolant_c"] >= _HOT_C),
        "charging": is_running & (values["battery_v"] < _LOW_VOLTAGE),
        "oil pressure": is_running & (values["oil_pressure_kpa"] < _LOW_OIL_KPA),
        "oil level": is_running & (values["oil_level"] == _CRITICALLY_LOW),
    }
