"""Cars that take more than their share: valid readings, each of a kind that once grew without end."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from disturbed import Record
from driving import START_MS, VIN, a_reading

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import MOST_TROUBLE_CODES, Reading
from contracts.topics import READING_PARTITIONS

PARTITION = partition_of_key(VIN.encode(), READING_PARTITIONS)


def codes_from(first: int) -> tuple[str, ...]:
    """Return 64 trouble codes of all four letters; other ones for each `first`."""
    numbers = range(first * MOST_TROUBLE_CODES // 4, (first + 1) * MOST_TROUBLE_CODES // 4)
    return tuple(f"{letter}{number:04X}" for number in numbers for letter in "PCBU")


def new_codes_in_pairs(readings: int, **signals: Any) -> Iterator[Reading]:
    """Yield readings in pairs 2 s apart, each pair with 64 new trouble codes, then a gap of 11 s."""
    for pair in range(readings // 2):
        for second in (0, 2):
            codes = codes_from(pair % 250)
            yield a_reading(pair * 13 + second, trouble_codes=codes, **signals)


def codes_that_come_and_go(readings: int) -> Iterator[Reading]:
    """Yield readings at which the same codes are raised and cleared as fast as their rules allow."""
    second = 0
    for at in range(readings):
        is_active = at % 4 < 2
        yield a_reading(second, trouble_codes=codes_from(0) if is_active else ())
        second += 2 if at % 4 == 0 else 10 if at % 4 < 3 else 61


def a_clock_that_jumps(readings: int) -> Iterator[Reading]:
    """Yield readings in rising order whose clock goes back and forth by a little over a minute."""
    for at in range(readings):
        reading = a_reading(3_600 + (at % 2) * 61 + at % 7 / 1000, coolant_c=116.0 if at % 3 else 92.0)
        reading.sequence = at
        yield reading


def a_trip_each(readings: int) -> Iterator[Reading]:
    """Yield readings of a new trip each."""
    return (a_reading(5, trip=60 * at) for at in range(readings))


def a_hot_engine(readings: int) -> Iterator[Reading]:
    """Yield readings with an open alert, one a second."""
    return (a_reading(second, coolant_c=116.0) for second in range(readings))


def as_records(readings: Iterator[Reading], *, offsets: Iterator[int], received_at_ms: int) -> list[Record]:
    """Return the records of readings that arrive at once."""
    return [Record(PARTITION, next(offsets), received_at_ms, encode(reading)) for reading in readings]


def demanding_stream(seed: int) -> list[Record]:
    """Return every kind of demand after the other in one partition, with calm hours between and strangers among."""
    rng, offsets, records = random.Random(seed), count(), list[Record]()
    kinds = [
        new_codes_in_pairs,
        codes_that_come_and_go,
        a_clock_that_jumps,
        a_trip_each,
        a_hot_engine,
        alerts_beyond_a_share,
    ]
    rng.shuffle(kinds)
    at_ms = START_MS + 90 * 3_600_000
    demanding, others = strangers(45)[: len(kinds)], strangers(45)[len(kinds) :]
    records += [Record(PARTITION, next(offsets), at_ms, encode(_of(vin, a_reading(0)))) for vin in demanding]
    for vin, kind in zip(demanding, kinds, strict=True):
        at_ms += rng.choice([60_000, 3_600_000])
        records += [
            replace(record, value=record.value.replace(VIN.encode(), vin.encode()))
            for record in as_records(kind(rng.randrange(100, 300)), offsets=offsets, received_at_ms=at_ms)
        ]
        records += [
            Record(PARTITION, next(offsets), at_ms + 1_000, encode(_of(other, a_reading(second))))
            for other in others
            for second in (0, 20_000)
        ]
    return records


def many_cars_with_codes(seed: int, *, cars: int = 32) -> list[Record]:
    """Return a partition of which three in four cars raise all the codes that they may at once, and then calm down."""
    rng, offsets, records = random.Random(seed), count(), list[Record]()
    at_ms = START_MS + 30 * 3_600_000
    numbered = list(enumerate(strangers(cars)))
    for second in range(0, 80, 2):
        for number, vin in rng.sample(numbered, cars):
            at_ms += rng.choice([0, 0, 1, 40])
            is_active = number % 4 > 0 and second < 20 + number % 3 * 15
            reading = _of(vin, a_reading(second, trouble_codes=codes_from(number % 5) if is_active else ()))
            records.append(Record(PARTITION, next(offsets), at_ms, encode(reading)))
    return records


def strangers(vehicles: int) -> list[str]:
    """Return invented VINs of the same partition."""
    found = (f"1HGCM82633B{number:06}" for number in count())
    mine = (vin for vin in found if partition_of_key(vin.encode(), READING_PARTITIONS) == PARTITION)
    return [next(mine) for _ in range(vehicles)]


def alerts_that_come_and_go(cycles: int) -> Iterator[Reading]:
    """Yield readings of a long drive at which many rules over signals raise and clear, each when it may again."""
    for cycle in range(cycles):
        for second in (0, 5, 10, 20, 30, 40, 50, 60):
            is_bad = second < 20
            yield a_reading(2_000 * cycle + second, **(BAD if is_bad else {"oil_c": 90.0, "misfires": 0}))


def alerts_beyond_a_share(readings: int) -> Iterator[Reading]:
    """Yield such a drive that tells more than one vehicle may, so that it is set apart."""
    return alerts_that_come_and_go(100 + readings // 10)


def many_cars_that_come_and_go(seed: int, *, cars: int = 12, cycles: int = 6) -> list[Record]:
    """Return a partition whose cars send such drives at once, with calm ones among them and a calm hour behind."""
    rng, offsets, records = random.Random(seed), count(), list[Record]()
    at_ms, vins = START_MS + 30 * 3_600_000, strangers(cars + 3)
    drives = [iter(alerts_that_come_and_go(cycles)) for _ in range(cars)]
    for second in range(8 * cycles):
        for vin, drive in rng.sample(list(zip(vins, drives, strict=False)), cars):
            at_ms += rng.choice([0, 0, 0, 1])
            records.append(Record(PARTITION, next(offsets), at_ms, encode(_of(vin, next(drive)))))
        for vin in vins[cars:]:
            records.append(Record(PARTITION, next(offsets), at_ms, encode(_of(vin, a_reading(10_000 + 30 * second)))))
    for second in range(40):
        at_ms += rng.choice([1_000, 30_000, 100_000])
        for vin in rng.sample(vins, len(vins)):
            signals = BAD if 20 <= second < 30 else {}
            reading = _of(vin, a_reading(20_000 + 5 * second, **signals))
            records.append(Record(PARTITION, next(offsets), at_ms, encode(reading)))
    return records


BAD: dict[str, Any] = {
    "coolant_c": 150.0,
    "oil_c": 160.0,
    "oil_pressure_kpa": 5.0,
    "battery_v": 17.0,
    "engine_rpm": 8_000.0,
}


def _of(vin: str, reading: Reading) -> Reading:
    reading.vehicle_id = vin
    return reading
