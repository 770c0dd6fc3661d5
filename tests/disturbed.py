"""A disturbed stream: trips of a small fleet, sent late, twice, shuffled within ten seconds, some of it damaged.

A pure function of the seed. What comes out is what the broker would hold: partition, offset, broker time, bytes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import Vehicle

START_MS = 1_790_000_000_000
_DAMAGED = (b"", b"no json", b"{}", b'{"vehicle_id":"1HGCM82633A00435O"}', b"[" * 600)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the broker holds it."""

    partition: int
    offset: int
    received_at_ms: int
    value: bytes


def fleet(vehicles: int) -> dict[str, Vehicle]:
    """Give a registry of vehicles of two models and two fleets."""
    vins = [f"1HGCM82633A{number:06}" for number in range(vehicles)]
    return {
        vin: Vehicle(
            vehicle_id=vin,
            make="Honda",
            model="Accord" if at % 2 else "Civic",
            year=2020,
            fleet="north" if at % 3 else "south",
            placard_kpa=230.0,
        )
        for at, vin in enumerate(vins)
    }


def disturbed_stream(seed: int, *, vehicles: int = 12, trips: int = 3, seconds: int = 120) -> list[Record]:
    """Give the records of a day of trips, disturbed, in the order of arrival."""
    rng = random.Random(seed)
    sent = [
        (arrival, encode(reading), vin)
        for vin in fleet(vehicles)
        for trip in range(trips)
        for reading in _trip(rng, vin, trip, seconds)
        for arrival in _arrivals(rng, reading.recorded_at_ms)
    ]
    end_ms = START_MS + trips * 3_600_000
    sent += [(rng.randrange(START_MS, end_ms), rng.choice(_DAMAGED), vin) for vin in fleet(vehicles) for _ in range(4)]
    sent.sort(key=lambda record: record[0])
    return _numbered(sent)


def _arrivals(rng: random.Random, recorded_at_ms: int) -> list[int]:
    """Draw the times at which a reading arrives: lost, shuffled within ten seconds, half an hour late, or twice."""
    chance = rng.random()
    if chance < 0.02:
        return []
    if chance < 0.05:
        return [recorded_at_ms + rng.randrange(1_800_000)]
    first = recorded_at_ms + rng.randrange(10_000)
    return [first, first + rng.randrange(60_000)] if chance < 0.12 else [first]


def _trip(rng: random.Random, vin: str, trip: int, seconds: int) -> list[Reading]:
    begun_ms = START_MS + trip * 3_600_000 + rng.randrange(600_000)
    metres_a_second, has_fuel = rng.randrange(1, 35), rng.random() > 0.1
    hot_from = rng.randrange(seconds) if rng.random() < 0.4 else seconds * 2
    return [
        Reading(
            vehicle_id=vin,
            sequence=trip * 100_000 + second,
            recorded_at_ms=begun_ms + second * 1_000,
            trip_started_at_ms=begun_ms,
            trip_distance_m=metres_a_second * second,
            speed_kmh=metres_a_second * 3.6,
            engine_rpm=2_000.0,
            trip_fuel_ml=second * (1 + trip) if has_fuel else None,
            trip_idle_s=second // 10,
            ignition_on=False if second == seconds - 1 else None,
            coolant_c=116.0 if hot_from <= second < hot_from + 40 else (400.0 if second % 37 == 0 else 92.0),
            battery_v=14.0,
            trouble_codes=(),
        )
        for second in range(seconds)
    ]


def _numbered(sent: list[tuple[int, bytes, str]]) -> list[Record]:
    ends = dict.fromkeys(range(READING_PARTITIONS), 0)
    records = []
    for received_at_ms, value, vin in sent:
        partition = partition_of_key(vin.encode(), READING_PARTITIONS)
        records.append(Record(partition, ends[partition], received_at_ms, value))
        ends[partition] += 1
    return records
