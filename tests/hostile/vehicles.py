"""The attackers' vehicles, and their readings: valid ones, to be bent by each attack as it likes."""

from __future__ import annotations

import itertools
import time
from typing import Any, Final

from hostile.ordinary_cars import numbered_vins

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS

_names = itertools.count()
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


def now_ms() -> int:
    """Return the time; the local broker's clock is the same."""
    return time.time_ns() // 1_000_000


def new_vin(*, partition: int = 3) -> str:
    """Return a VIN that no attack has used before, in a partition where ordinary cars are too."""
    return next(numbered_vins(f"HST{next(_names):05d}Z", partition=partition))


def home(vin: str) -> int:
    """Return the partition of a vehicle's readings."""
    return partition_of_key(vin.encode(), READING_PARTITIONS)


def a_reading(
    vin: str, sequence: int = 0, *, began_ms: int | None = None, second: float = 0, **signals: Any
) -> Reading:
    """Make a valid reading, `second` seconds into the trip that began an hour ago or when it is told."""
    trip_started_at_ms = now_ms() - HOUR_MS if began_ms is None else began_ms
    facts: dict[str, Any] = {
        "vehicle_id": vin,
        "sequence": sequence,
        "recorded_at_ms": trip_started_at_ms + round(second * 1000),
        "trip_started_at_ms": trip_started_at_ms,
        "trip_distance_m": int(second * 10),
        "trip_fuel_ml": int(second),
        "trip_idle_s": 0,
        "speed_kmh": 50.0,
        "engine_rpm": 1_800.0,
        "battery_v": 14.0,
        "coolant_c": 92.0,
    }
    return Reading(**(facts | signals))


def reading_bytes(vin: str, sequence: int = 0, **given: Any) -> bytes:
    """Return it as a record's value."""
    return encode(a_reading(vin, sequence, **given))
