"""What a partition of `vehicle-readings` may hold in a first and in a later run, and the records for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from itertools import count
from typing import Final, Literal

from disturbed import START_MS, Record
from driving import HEALTHY

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS

Piece = Literal["good", "rejected"]
READINGS: Final = 40
DAY_MS: Final = 86_400_000


class Holds(Enum):
    """What a partition holds: the pieces of the first run, and those of the later one."""

    NOTHING = ((), ())
    REJECTED = (("rejected",), ())
    GOOD = (("good",), ())
    GOOD_THEN_REJECTED = (("good", "rejected"), ())
    REJECTED_LATER = ((), ("rejected",))
    GOOD_LATER = ((), ("good",))
    REJECTED_TWICE = (("rejected",), ("rejected",))
    REJECTED_THEN_GOOD = (("rejected",), ("good",))
    GOOD_AND_REJECTED_LATER = (("good",), ("rejected",))
    GOOD_TWICE = (("good",), ("good", "rejected"))


def records_of(held: Sequence[Holds]) -> tuple[list[Record], list[Record]]:
    """Return the records of the first and of the later run; `held` is by partition."""
    first: list[Record] = []
    later: list[Record] = []
    for partition, holds in enumerate(held):
        offset = 0
        for run, (pieces, records) in enumerate(zip(holds.value, (first, later), strict=True)):
            for piece in pieces:
                for value in _values(piece, partition, run):
                    received_at_ms = START_MS + run * DAY_MS + (offset + 60) * 1_000
                    records.append(Record(partition, offset, received_at_ms, value))
                    offset += 1
    return first, later


def ends_of(*runs: Sequence[Record]) -> Mapping[int, int]:
    """Return by partition the first offset that has no record; 0 for a partition without any."""
    ends = dict.fromkeys(range(READING_PARTITIONS), 0)
    return ends | {record.partition: record.offset + 1 for run in runs for record in run}


def _values(piece: Piece, partition: int, run: int) -> list[bytes]:
    """Return the bytes of a trip with a coolant that boils, or of three records that are none."""
    if piece == "rejected":
        return [b"", b"{broken", b"{}"]
    begun_ms = START_MS + run * DAY_MS
    return [
        encode(
            Reading(
                vehicle_id=vin_in(partition),
                sequence=second,
                recorded_at_ms=begun_ms + second * 1_000,
                trip_started_at_ms=begun_ms,
                trip_distance_m=20 * second,
                trip_fuel_ml=2 * second,
                trip_idle_s=0,
                **(HEALTHY | {"coolant_c": 125.0}),
            )
        )
        for second in range(READINGS)
    ]


@cache
def vin_in(partition: int) -> str:
    """Return a vehicle of this partition."""
    vins = (f"1HGCM82633A{number:06}" for number in count())
    return next(vin for vin in vins if partition_of_key(vin.encode(), READING_PARTITIONS) == partition)
