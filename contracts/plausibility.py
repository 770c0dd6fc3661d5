"""The one judgement of a reading: rejected, or believed with single signals ignored. Used by both paths.

It sees the value's bytes, the partition and the broker's time, and nothing else, so that whoever judges a record
again comes to the same end. Comparisons are written so that NaN fails them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from contracts.codec import decode_reading
from contracts.errors import MalformedReading
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import VIN

MOST_AHEAD_MS: Final = 5 * 60 * 1000
MOST_BEHIND_MS: Final = 35 * 24 * 3_600_000
LONGEST_TRIP_MS: Final = 7 * 24 * 3_600_000
FASTEST_MPS: Final = 90
MOST_FUEL_MLPS: Final = 30
MOST_TROUBLE_CODES: Final = 64

SIGNAL_RANGES: Final[dict[str, tuple[float, float]]] = {
    "latitude_deg": (-90, 90),
    "longitude_deg": (-180, 180),
    "altitude_m": (-500, 9_000),
    "heading_deg": (0, 360),
    "acceleration_mps2": (-50, 50),
    "engine_load_pct": (0, 100),
    "throttle_pct": (0, 100),
    "manifold_kpa": (0, 500),
    "air_flow_gps": (0, 1_500),
    "intake_air_c": (-60, 120),
    "ambient_air_c": (-60, 120),
    "coolant_c": (-60, 215),
    "oil_c": (-60, 250),
    "oil_pressure_kpa": (0, 1_500),
    "battery_v": (0, 60),
    "fuel_level_pct": (0, 100),
    "short_fuel_trim_pct": (-100, 100),
    "long_fuel_trim_pct": (-100, 100),
}
"""A signal outside its range is ignored: a broken sensor must not silence the car."""

TYRE_RANGE_KPA: Final = (0.0, 1_500.0)
TROUBLE_CODE: Final = re.compile(r"[PBCU][0-3][0-9A-F]{3}")

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.rejection import Reason

Believed = tuple[Reading, tuple[str, ...]]


def believe(
    value: bytes | None, *, partition: int, received_at_ms: int, partitions: int = READING_PARTITIONS
) -> Believed:
    """Decode and judge one record: the reading without the signals that cannot be true, and the names of those.

    Raises MalformedReading with its reason when the whole reading must be rejected.
    """
    reading = decode_reading(value)
    judge(reading, partition=partition, received_at_ms=received_at_ms, partitions=partitions)
    return reading, ignore_implausible_signals(reading)


def judge(reading: Reading, *, partition: int, received_at_ms: int, partitions: int = READING_PARTITIONS) -> None:
    """Raise MalformedReading when identity, times, counters, speed or engine speed cannot be true."""
    _judge_identity(reading.vehicle_id, partition, partitions)
    elapsed_ms = reading.recorded_at_ms - reading.trip_started_at_ms
    behind_ms = received_at_ms - reading.recorded_at_ms
    if not -MOST_AHEAD_MS <= behind_ms <= MOST_BEHIND_MS:
        raise _clock(behind_ms)
    if not 0 <= elapsed_ms <= LONGEST_TRIP_MS:
        raise _trip_times(elapsed_ms)
    if reading.trip_distance_m * 1000 > FASTEST_MPS * elapsed_ms + 1_000_000:
        raise _counter("implausible_distance", "trip_distance_m", reading.trip_distance_m, elapsed_ms)
    fuel_ml, idle_s = reading.trip_fuel_ml, reading.trip_idle_s
    if fuel_ml is not None and fuel_ml * 1000 > MOST_FUEL_MLPS * elapsed_ms + 100_000:
        raise _counter("implausible_fuel", "trip_fuel_ml", fuel_ml, elapsed_ms)
    if idle_s is not None and idle_s * 1000 > elapsed_ms + 1000:
        raise _counter("implausible_idle", "trip_idle_s", idle_s, elapsed_ms)
    if not 0 <= reading.speed_kmh <= 400:  # noqa: PLR2004 - the contract's number, used once
        raise MalformedReading("implausible_speed", f"speed_kmh is {reading.speed_kmh}; 0 to 400 is possible")
    if not 0 <= reading.engine_rpm <= 20_000:  # noqa: PLR2004
        raise MalformedReading("implausible_rpm", f"engine_rpm is {reading.engine_rpm}; 0 to 20,000 is possible")


def _judge_identity(vehicle_id: str, partition: int, partitions: int) -> None:
    # The length is tested first so that the cache holds short strings only.
    expected = _owner(vehicle_id, partitions) if len(vehicle_id) == 17 else None  # noqa: PLR2004
    if expected is None:
        raise MalformedReading(
            "bad_vin", f"vehicle_id is {vehicle_id[:40]!r}; a VIN has 17 of A-Z and 0-9 without I, O, Q"
        )
    if partition != expected:
        detail = f"{vehicle_id} belongs to partition {expected}, not {partition}: key by VIN and partition by murmur2"
        raise MalformedReading("wrong_partition", detail)


def _clock(behind_ms: int) -> MalformedReading:
    if behind_ms < 0:
        return MalformedReading("clock_ahead", f"recorded {-behind_ms} ms after it was received; set the car's clock")
    return MalformedReading(
        "clock_behind", f"recorded {behind_ms} ms before it was received; at most 35 days are taken"
    )


@lru_cache(maxsize=1_000_000)
def _owner(vehicle_id: str, partitions: int) -> int | None:
    """Give the partition that a VIN belongs to, None when it is no VIN; remembered, as hashing costs much."""
    return partition_of_key(vehicle_id.encode(), partitions) if VIN.fullmatch(vehicle_id) else None


def _trip_times(elapsed_ms: int) -> MalformedReading:
    if elapsed_ms < 0:
        return MalformedReading("trip_times", f"the trip began {-elapsed_ms} ms after the reading")
    return MalformedReading(
        "trip_times", f"the trip began {elapsed_ms} ms before the reading; at most 7 days are taken"
    )


def _counter(reason: Reason, name: str, value: int, elapsed_ms: int) -> MalformedReading:
    detail = f"{name} is {value} after {elapsed_ms / 1000:g} s, more than a car can do"
    return MalformedReading(reason, detail)


def ignore_implausible_signals(reading: Reading) -> tuple[str, ...]:
    """Set signals that cannot be true to None, in place; give their names, empty for nearly every reading."""
    if _is_unsuspicious(reading):
        return ()
    ignored = [
        name
        for name, (low, high) in SIGNAL_RANGES.items()
        if (value := getattr(reading, name)) is not None and not low <= value <= high
    ]
    for name in ignored:
        setattr(reading, name, None)
    tyres = reading.tyre_pressures_kpa
    if tyres is not None and not all(TYRE_RANGE_KPA[0] <= kpa <= TYRE_RANGE_KPA[1] for kpa in tyres):
        reading.tyre_pressures_kpa = None
        ignored.append("tyre_pressures_kpa")
    if reading.trouble_codes and _drop_impossible_codes(reading):
        ignored.append("trouble_codes")
    return tuple(ignored)


def _compile_unsuspicious() -> Callable[[Reading], bool]:
    """Compile the tests of the table above into one expression: ten times faster than looping over the table."""
    tests = [f"((v := r.{name}) is None or {low} <= v <= {high})" for name, (low, high) in SIGNAL_RANGES.items()]
    low, high = TYRE_RANGE_KPA
    wheels = " and ".join(f"{low} <= t[{wheel}] <= {high}" for wheel in range(4))
    tests.append(f"((t := r.tyre_pressures_kpa) is None or ({wheels}))")
    source = "lambda r: not r.trouble_codes and " + " and ".join(tests)
    compiled: Callable[[Reading], bool] = eval(source)  # noqa: S307 - built from this module's own table only
    return compiled


_is_unsuspicious = _compile_unsuspicious()


def _drop_impossible_codes(reading: Reading) -> bool:
    codes = reading.trouble_codes or ()
    if len(codes) > MOST_TROUBLE_CODES:
        reading.trouble_codes = None
        return True
    kept = tuple(code for code in codes if TROUBLE_CODE.fullmatch(code))
    if len(kept) == len(codes):
        return False
    reading.trouble_codes = kept
    return True
