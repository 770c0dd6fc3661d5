"""What one bad car, or whoever has its credentials, can put on `vehicle-readings`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import httpx
from aiokafka.errors import KafkaError
from hostile.attack import Attack, Rounds, Target
from hostile.mutation import all_bent
from hostile.running_stack import GARBAGE_ONLY
from hostile.sending import SCHEMA, Record, send, send_bomb, send_empty, send_hand_made, send_readings, transaction
from hostile.vehicles import DAY_MS, HOUR_MS, a_reading, home, new_vin, now_ms, reading_bytes
from raw_batches import Headers, LatinName

from contracts.bounds import LARGEST_INTEGER
from contracts.codec import encode
from contracts.reading import MOST_TROUBLE_CODES
from contracts.topics import VEHICLE_READINGS
from runtime.kafka.batch_records import MOST_RECORDS

_LONGEST_TRANSACTION_MS: Final = 10_000
"""What our brokers allow; while one is open, nobody reads beyond it."""
_CROWDED: Final = 5
"""A partition where other attacks need no new vehicles: an hour has room for a thousand."""
_TAKEN_BACK: Final = new_vin()
_ASKED_FOR_MS: Final = 120_000


def every_code() -> Iterator[str]:
    """Return all trouble codes there can be, over and over."""
    codes = [f"{letter}{number:04X}" for number in range(0x4000) for letter in "PBCU"]
    return itertools.cycle(codes)


async def codes_without_end(target: Target) -> None:
    """Send pairs of readings 2 s apart, each pair with 64 new codes of all four letters, then a gap of 11 s."""
    vin, codes = new_vin(), every_code()
    began_ms = now_ms() - 3 * HOUR_MS
    values = []
    for pair in range(400):
        told = tuple(itertools.islice(codes, MOST_TROUBLE_CODES))
        values += [
            reading_bytes(vin, 2 * pair + half, began_ms=began_ms, second=13 * pair + 2 * half, trouble_codes=told)
            for half in (0, 1)
        ]
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


async def codes_of_many_cars(target: Target) -> None:
    """Let 900 new cars of one partition raise 64 codes each, all in one second."""
    vins, told = [new_vin(partition=_CROWDED) for _ in range(900)], tuple(itertools.islice(every_code(), 64))
    began_ms = now_ms() - HOUR_MS
    await send(
        target.bootstrap,
        VEHICLE_READINGS,
        (
            (vin.encode(), reading_bytes(vin, s, began_ms=began_ms, second=s, trouble_codes=told), _CROWDED, SCHEMA)
            for s in (0, 2, 4)
            for vin in vins
        ),
    )


async def flapping_codes(target: Target) -> None:
    """Let 64 codes come and go, each time for long enough to raise and to clear."""
    vin, told = new_vin(), tuple(itertools.islice(every_code(), MOST_TROUBLE_CODES))
    began_ms = now_ms() - 5 * DAY_MS
    values = (
        reading_bytes(vin, number, began_ms=began_ms, second=3 * number, trouble_codes=told if number % 30 < 3 else ())
        for number in range(5_000)
    )
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


async def hot_readings_at_once(target: Target) -> None:
    """Send 20,000 readings of one overheating car at once."""
    vin, began_ms = new_vin(), now_ms() - 6 * HOUR_MS
    values = (reading_bytes(vin, second, began_ms=began_ms, second=second, coolant_c=125.0) for second in range(20_000))
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


async def alerts_without_end(target: Target) -> None:
    """Let one car overheat and cool down again for a month in one go: an alert every 90 s of it."""
    vin, began_ms = new_vin(), now_ms() - 6 * DAY_MS
    seconds = (90 * cycle + 5 * step for cycle in range(1_200) for step in range(8))
    values = (
        reading_bytes(vin, number, began_ms=began_ms, second=second, coolant_c=112.0 if second % 90 < 10 else 101.0)
        for number, second in enumerate(seconds)
    )
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


async def clock_jumps(target: Target) -> None:
    """Let a car's clock jump to and fro by days, hot all the while, with codes."""
    vin, began_ms = new_vin(), now_ms() - 6 * DAY_MS
    values = (
        reading_bytes(
            vin, number, began_ms=began_ms, second=number + (number % 2) * 4 * 86_400, coolant_c=125.0,
            trouble_codes=("P0217", "U0100"),
        )
        for number in range(4_000)
    )  # fmt: skip
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


async def trips_without_end(target: Target) -> None:
    """Begin 20,000 trips of one car."""
    vin, now = new_vin(), now_ms()
    values = (reading_bytes(vin, number, began_ms=now - 30 * DAY_MS + number * 60_000) for number in range(20_000))
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


async def trips_that_alternate(target: Target) -> None:
    """Go back and forth between two thousand trips of one car, so that none is ever over."""
    vin, now = new_vin(), now_ms()
    values = (
        reading_bytes(vin, number, began_ms=now - 6 * DAY_MS + (number * 761 % 2_000) * 60_000, second=number / 10)
        for number in range(10_000)
    )
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


async def invented_vins(target: Target) -> None:
    """Send one reading each of 20,000 cars that nobody has registered."""
    vins = [f"HST99{number:07d}ZZZZZ" for number in range(20_000)]
    # An hour ago in the middle of a trip: each of them would be silent as well.
    await send(
        target.bootstrap,
        VEHICLE_READINGS,
        ((vin.encode(), reading_bytes(vin, 1, second=900), home(vin), SCHEMA) for vin in vins),
    )


async def edges_of_what_is_plausible(target: Target) -> None:
    """Send readings that are at the end of every range: the oldest, the latest, the most, the farthest."""
    vin, now = new_vin(), now_ms()
    edges = [
        a_reading(vin, LARGEST_INTEGER, began_ms=now - 34 * DAY_MS),
        a_reading(vin, LARGEST_INTEGER, began_ms=now, second=290),
        a_reading(vin, 0, began_ms=now - 7 * DAY_MS, second=7 * 86_400, trip_distance_m=54_432_000),
        a_reading(vin, 1, odometer_m=LARGEST_INTEGER, misfires=LARGEST_INTEGER, latitude_deg=90, longitude_deg=-180),
        a_reading(vin, 2, speed_kmh=400, engine_rpm=20_000, coolant_c=215, oil_c=250, battery_v=60),
        a_reading(vin, 3, speed_kmh=-0.0, engine_rpm=5e-324, coolant_c=-60, oil_pressure_kpa=0, battery_v=0),
    ]
    values = [encode(reading) for reading in edges] * 200
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


def _garbage() -> list[bytes | None]:
    whole = reading_bytes(new_vin())
    return [
        None, b"", b"\0", b"null", b"{}", b"[]", b'"', os.urandom(300), b"\xff\xfe{}", b"{" * 900, b"[" * 60_000,
        whole[:-3], whole.replace(b"1800.0", b"NaN"), whole.replace(b"1800.0", b"1e400"), whole + whole,
        whole.replace(b"1800.0", b'"\\ud800"'), whole.replace(b"50.0", b"9" * 400), b"1" * 70_000,
    ]  # fmt: skip


async def garbage_alone_in_a_partition(target: Target) -> None:
    """Send what is no reading to the one partition that never had a good one."""
    records: list[Record] = [(b"nobody", value, GARBAGE_ONLY, []) for value in _garbage()]
    await send(target.bootstrap, VEHICLE_READINGS, records * 5)


async def garbage_everywhere(target: Target) -> None:
    """Send what is no reading to every partition, under keys of every kind."""
    keys = (None, b"", b"\xff" * 20, b"mark:3", b"k" * 10_000, new_vin().encode())
    records: list[Record] = [
        (key, value, partition, [])
        for partition in range(VEHICLE_READINGS.partitions)
        for key, value in itertools.product(keys, _garbage())
        if key is not None or value is not None
    ]
    await send(target.bootstrap, VEHICLE_READINGS, records)


async def largest_records(target: Target) -> None:
    """Send records of nearly 2 MB, as they are and with a field of that size."""
    vin = new_vin()
    noise = os.urandom(900_000).hex().encode()
    whole = reading_bytes(vin)
    values = [noise, whole[:-1] + b',"note":"' + noise + b'"}', b" " * 1_800_000 + whole]
    await send_readings(target.bootstrap, values * 5, vin=vin, partition=home(vin))


async def giant_headers(target: Target) -> None:
    """Send readings with a header of a megabyte, and with thousands of headers."""
    vin = new_vin()
    many = [(f"header-{number}", b"x" * 20) for number in range(5_000)]
    headers = ([("schema", b"x" * 1_000_000)], many, [*SCHEMA * 500], [("", b"")])
    await send(
        target.bootstrap,
        VEHICLE_READINGS,
        ((vin.encode(), reading_bytes(vin, n), home(vin), headers[n % 4]) for n in range(40)),
    )


async def header_names_in_latin(target: Target) -> None:
    """Send readings whose headers are named otherwise than in UTF-8."""
    vin, name = new_vin(), LatinName("größe")
    records: list[tuple[bytes, bytes, Headers]] = [
        (vin.encode(), reading_bytes(vin, number), [(name, b"1")]) for number in range(20)
    ]
    records += [(vin.encode(), b"{", [(name, b"1")])]
    await send_hand_made(target.bootstrap, VEHICLE_READINGS, records, partition=home(vin))


async def empty_records(target: Target) -> None:
    """Send as many empty records as one batch may hold, and far more, each in one request, among ordinary cars."""
    partition = home(new_vin())
    for records in (MOST_RECORDS, 3 * MOST_RECORDS):
        await send_empty(target.bootstrap, VEHICLE_READINGS, partition=partition, records=records)


async def zstd_bombs(target: Target) -> None:
    """Send batches that unpack to 50 MB and to 2 GB."""
    vin = new_vin()
    for records in (56, 2_400):
        await send_bomb(target.bootstrap, VEHICLE_READINGS, key=vin, partition=home(vin), codec="zstd", records=records)


async def gzip_bombs(target: Target) -> None:
    """Send batches that unpack to 50 MB and to 200 MB."""
    vin = new_vin()
    for records in (56, 230):
        await send_bomb(target.bootstrap, VEHICLE_READINGS, key=vin, partition=home(vin), codec="gzip", records=records)


async def aborted_transaction(target: Target) -> None:
    """Send readings of a hot car, and take them back."""
    vin, began_ms = _TAKEN_BACK, now_ms() - HOUR_MS
    with suppress(KafkaError):  # a broker that allows no transaction has done its part
        async with transaction(target.bootstrap, timeout_ms=_LONGEST_TRANSACTION_MS) as producer:
            for second in range(500):
                value = reading_bytes(vin, second, began_ms=began_ms, second=second, coolant_c=125.0)
                await producer.send(VEHICLE_READINGS.name, value, key=vin.encode(), partition=home(vin))
            await producer.flush()
            await producer.abort_transaction()


async def hung_transaction(target: Target) -> None:
    """Begin a transaction that would last for two minutes, or as long as the broker lets it, and never end it."""
    vin = _TAKEN_BACK
    for timeout_ms in (_ASKED_FOR_MS, _LONGEST_TRANSACTION_MS):
        with suppress(KafkaError):
            async with transaction(target.bootstrap, timeout_ms=timeout_ms) as producer:
                value = reading_bytes(vin, coolant_c=125.0)
                await producer.send(VEHICLE_READINGS.name, value, key=vin.encode(), partition=home(vin))
                await producer.flush()
            return


async def nothing_is_known_of_it(target: Target) -> list[str]:
    """Look whether the car is known of which all readings were taken back."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        answer = await client.get(f"{target.stack.api_url}/v1/vehicles/{_TAKEN_BACK}")
    known = answer.status_code != httpx.codes.NOT_FOUND
    return [f"{answer.status_code} is the answer of a car whose readings were all taken back"] if known else []


async def bent_readings(target: Target) -> None:
    """Send valid readings that were bent at random."""
    vin = new_vin()
    whole = encode(a_reading(vin, 5, second=60, trouble_codes=("P0217",), tyre_pressures_kpa=(230, 231, 229, 230)))
    values = all_bent(whole, target.chance("bent readings"), 3_000)
    await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))


ON_READINGS: Final[Rounds] = (
    # First, as later ones bring good readings into that partition too.
    (Attack("garbage alone in a partition", "readings", garbage_alone_in_a_partition, is_short=True, is_drained=True),),
    (Attack("codes without end", "readings", codes_without_end, is_short=True),),
    (Attack("64 codes of each of 900 new cars", "readings", codes_of_many_cars),),
    (
        Attack("flapping codes", "readings", flapping_codes),
        Attack("alerts without end", "readings", alerts_without_end),
    ),
    (Attack("20,000 hot readings at once", "readings", hot_readings_at_once),),
    (
        Attack("clock jumps", "readings", clock_jumps),
        Attack("20,000 trips", "readings", trips_without_end),
        Attack("trips that alternate", "readings", trips_that_alternate),
    ),
    (
        Attack("edges of what is plausible", "readings", edges_of_what_is_plausible),
        Attack("largest records", "readings", largest_records),
        Attack("giant headers", "readings", giant_headers),
        Attack("header names in Latin-1", "readings", header_names_in_latin, is_short=True),
        Attack("aborted transaction", "readings", aborted_transaction, check=nothing_is_known_of_it),
    ),
    (Attack("garbage everywhere", "readings", garbage_everywhere),),
    (Attack("200,000 and 600,000 empty records in one request", "readings", empty_records),),
    (Attack("zstd bombs", "readings", zstd_bombs),),
    (Attack("gzip bombs", "readings", gzip_bombs),),
    (
        Attack(
            "hung transaction",
            "readings",
            hung_transaction,
            check=nothing_is_known_of_it,
            held_ms=_LONGEST_TRANSACTION_MS + 10_000,
        ),
    ),
    (Attack("bent readings", "readings", bent_readings, is_short=True),),
    # Last, as a partition may take no more new vehicles for a while, and other attacks have new ones.
    (Attack("20,000 invented VINs", "readings", invented_vins, restarts=("hot-path",), is_drained=True),),
)
