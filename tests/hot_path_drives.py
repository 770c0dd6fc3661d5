"""Drives for the hot path's tests: a fleet of which some overheat, and some repeat, swap or lose readings."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from contracts.reading import Reading


def vin(number: int) -> str:
    """Give a vehicle's VIN."""
    return f"WVWZZZ1JZ{number:08d}"


def drives(vehicles: int, seconds: int, *, seed: int = 1, start_ms: int | None = None) -> Iterator[Reading]:
    """Give a fleet's readings second by second: some overheat and recover, some repeat, swap or lose readings."""
    generator = random.Random(seed)
    begun_ms = start_ms if start_ms is not None else int(time.time() * 1000) - seconds * 1000  # noqa: TID251
    held: list[Reading] = []
    for second in range(seconds):
        for number in range(vehicles):
            reading = _reading(number, second, begun_ms)
            chance = generator.random()
            if chance < 0.02:
                held.append(reading)
            else:
                yield reading
            if chance > 0.97:
                yield reading
        if second % 5 == 4:
            yield from held
            held.clear()
    yield from held


def _reading(number: int, second: int, begun_ms: int) -> Reading:
    trip, within = divmod(second + number, 200)
    trip_started_ms = begun_ms + (trip * 200 - number) * 1000
    is_hot = number % 7 == 0 and 40 <= within % 100 < 60
    signals: dict[str, Any] = {"coolant_c": 113.5 if is_hot else 91.0, "battery_v": 10.2 if number % 11 == 3 else 14.0}
    return Reading(
        vehicle_id=vin(number),
        sequence=within,
        recorded_at_ms=trip_started_ms + within * 1000,
        trip_started_at_ms=trip_started_ms,
        trip_distance_m=within * 20,
        trip_fuel_ml=within * 2,
        trip_idle_s=0,
        speed_kmh=72.0,
        engine_rpm=2_100.0,
        oil_pressure_kpa=310.0,
        oil_level="NORMAL",
        fuel_level_pct=60.0,
        tyre_pressures_kpa=(231.0, 230.5, 229.0, 230.0),
        trouble_codes=("P0301",) if number % 13 == 5 and 100 <= within < 110 else None,
        **signals,
    )
