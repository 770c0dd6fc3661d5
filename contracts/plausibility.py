"""The one judgement of a reading: rejected, or believed with single signals ignored. Used by both paths.

It sees the value's bytes, the partition and the broker's time, and nothing else, so that whoever judges a record
again comes to the same end. Comparisons are written so that NaN fails them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from contracts.codec import decode_plausible_reading, decode_reading
from contracts.errors import MalformedReading
from contracts.partitioning import partition_of_key
from contracts.reading import MOST_TROUBLE_CODES, Reading
from contracts.signals import signal_ranges
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import VIN, VIN_LENGTH

MOST_AHEAD_MS: Final = 5 * 60 * 1000
MOST_BEHIND_MS: Final = 35 * 24 * 3_600_000
LONGEST_TRIP_MS: Final = 7 * 24 * 3_600_000
FASTEST_KMH: Final = 400
FASTEST_RPM: Final = 20_000
FASTEST_MPS: Final = 90
MOST_FUEL_MLPS: Final = 30

SIGNAL_RANGES: Final = signal_ranges()
"""A signal outside its range is ignored: a broken sensor must not silence the car."""

TYRE_RANGE_KPA: Final = (0.0, 1_500.0)
TROUBLE_CODE: Final = re.compile(r"[PBCU][0-3][0-9A-F]{3}")

if TYPE_CHECKING:
    from contracts.reason import Reason

Believed = tuple[Reading, tuple[str, ...]]
_NONE_IGNORED: Final[tuple[str, ...]] = ()


def believe(value: bytes | None, partition: int, received_at_ms: int, partitions: int = READING_PARTITIONS) -> Believed:
    """Decode and judge one record: the reading without the signals that cannot be true, and the names of those.

    Raises MalformedReading with its reason when the whole reading must be rejected.
    """
    reading = decode_plausible_reading(value) if value else None
    if reading is not None:
        _judge_identity_and_counters(reading, partition, received_at_ms, partitions)
        return reading, _NONE_IGNORED
    reading = decode_reading(value)
    judge(reading, partition, received_at_ms, partitions)
    return reading, _ignore_implausible_signals(reading)


def judge(reading: Reading, partition: int, received_at_ms: int, partitions: int = READING_PARTITIONS) -> None:
    """Raise MalformedReading when identity, times, counters, speed or engine speed cannot be true."""
    if len(reading.vehicle_id) != VIN_LENGTH:
        raise _identity(reading.vehicle_id, partition, partitions)
    _judge_identity_and_counters(reading, partition, received_at_ms, partitions)
    if not 0 <= reading.speed_kmh <= FASTEST_KMH:
        raise MalformedReading("implausible_speed", f"speed_kmh is {reading.speed_kmh}; 0 to 400 is possible")
    if not 0 <= reading.engine_rpm <= FASTEST_RPM:
        raise MalformedReading("implausible_rpm", f"engine_rpm is {reading.engine_rpm}; 0 to 20,000 is possible")


def _judge_identity_and_counters(reading: Reading, partition: int, received_at_ms: int, partitions: int) -> None:
    """Judge what the decoder of plausible readings leaves to judge: it has seen to lengths and ranges."""
    if _owner(reading.vehicle_id, partitions) != partition:
        raise _identity(reading.vehicle_id, partition, partitions)
    if not has_plausible_times_and_counters(reading, received_at_ms):
        raise _times_or_counter(reading, received_at_ms)


def has_plausible_times_and_counters(reading: Reading, received_at_ms: int) -> bool:
    """Tell whether times and counters can be true: `believe` without the words, for a reading within its ranges."""
    recorded_at_ms = reading.recorded_at_ms
    elapsed_ms = recorded_at_ms - reading.trip_started_at_ms
    fuel_ml, idle_s = reading.trip_fuel_ml, reading.trip_idle_s
    return (
        -MOST_AHEAD_MS <= received_at_ms - recorded_at_ms <= MOST_BEHIND_MS
        and 0 <= elapsed_ms <= LONGEST_TRIP_MS
        and reading.trip_distance_m * 1000 <= FASTEST_MPS * elapsed_ms + 1_000_000
        and (fuel_ml is None or fuel_ml * 1000 <= MOST_FUEL_MLPS * elapsed_ms + 100_000)
        and (idle_s is None or idle_s * 1000 <= elapsed_ms + 1000)
    )


def surely_plausible_counters(elapsed_ms: int) -> tuple[int, int, int]:
    """Give metres, millilitres and idle seconds that a trip can have from `elapsed_ms` after its beginning on."""
    return (
        (FASTEST_MPS * elapsed_ms + 1_000_000) // 1000,
        (MOST_FUEL_MLPS * elapsed_ms + 100_000) // 1000,
        (elapsed_ms + 1000) // 1000,
    )


def _times_or_counter(reading: Reading, received_at_ms: int) -> MalformedReading:
    """Name what has_plausible_times_and_counters found, the first of it."""
    behind_ms = received_at_ms - reading.recorded_at_ms
    elapsed_ms = reading.recorded_at_ms - reading.trip_started_at_ms
    if not -MOST_AHEAD_MS <= behind_ms <= MOST_BEHIND_MS:
        return _clock(behind_ms)
    if not 0 <= elapsed_ms <= LONGEST_TRIP_MS:
        return _trip_times(elapsed_ms)
    if reading.trip_distance_m * 1000 > FASTEST_MPS * elapsed_ms + 1_000_000:
        return _counter("implausible_distance", "trip_distance_m", reading.trip_distance_m, elapsed_ms)
    fuel_ml = reading.trip_fuel_ml
    if fuel_ml is not None and fuel_ml * 1000 > MOST_FUEL_MLPS * elapsed_ms + 100_000:
        return _counter("implausible_fuel", "trip_fuel_ml", fuel_ml, elapsed_ms)
    return _counter("implausible_idle", "trip_idle_s", reading.trip_idle_s or 0, elapsed_ms)


@lru_cache(maxsize=1_000_000)
def _owner(vehicle_id: str, partitions: int) -> int | None:
    """Give the partition that a VIN belongs to, None when it is no VIN; remembered, as hashing costs much."""
    return partition_of_key(vehicle_id.encode(), partitions) if VIN.fullmatch(vehicle_id) else None


def _identity(vehicle_id: str, partition: int, partitions: int) -> MalformedReading:
    owner = _owner(vehicle_id, partitions) if len(vehicle_id) == VIN_LENGTH else None
    if owner is None:
        detail = f"vehicle_id is {vehicle_id[:40]!r}; a VIN has 17 of A-Z and 0-9 without I, O, Q"
        return MalformedReading("bad_vin", detail)
    detail = f"{vehicle_id} belongs to partition {owner}, not {partition}: key by VIN and partition by murmur2"
    return MalformedReading("wrong_partition", detail)


def _clock(behind_ms: int) -> MalformedReading:
    if behind_ms < 0:
        return MalformedReading("clock_ahead", f"recorded {-behind_ms} ms after it was received; set the car's clock")
    return MalformedReading(
        "clock_behind", f"recorded {behind_ms} ms before it was received; at most 35 days are taken"
    )


def _trip_times(elapsed_ms: int) -> MalformedReading:
    if elapsed_ms < 0:
        return MalformedReading("trip_times", f"the trip began {-elapsed_ms} ms after the reading")
    return MalformedReading(
        "trip_times", f"the trip began {elapsed_ms} ms before the reading; at most 7 days are taken"
    )


def _counter(reason: Reason, name: str, value: int, elapsed_ms: int) -> MalformedReading:
    detail = f"{name} is {value} after {elapsed_ms / 1000:g} s, more than a car can do"
    return MalformedReading(reason, detail)


def _ignore_implausible_signals(reading: Reading) -> tuple[str, ...]:
    """Set signals that cannot be true to None, in place; give their names."""
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
