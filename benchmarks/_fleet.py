"""A fleet of full-size readings for measuring: every signal varies as a sensor's does, a share is in an episode."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import Vehicle

KNOWN_VALUES = 4_999
TROUBLE_CODES = [(f"P0{family}{number:02d}",) for family in "1234" for number in range(60)]
FOR_EVER_S = 10**9
# Signal: mean, spread, decimals.
SIGNALS = {
    "speed_kmh": (80, 15, 1), "engine_rpm": (2_150, 300, 0), "altitude_m": (112, 8, 1), "heading_deg": (180, 60, 1),
    "acceleration_mps2": (0, 0.6, 2), "engine_load_pct": (41, 9, 1), "throttle_pct": (18, 5, 1),
    "manifold_kpa": (61, 8, 1), "air_flow_gps": (15, 3, 2), "intake_air_c": (24, 1, 1), "coolant_c": (92, 2, 1),
    "oil_c": (99, 2, 1), "oil_pressure_kpa": (320, 18, 1), "battery_v": (14.1, 0.1, 2),
    "short_fuel_trim_pct": (1.5, 2, 1), "latitude_deg": (50.1, 0.2, 6), "longitude_deg": (8.7, 0.3, 6),
}  # fmt: skip


class Sent(NamedTuple):
    """One reading on its way."""

    partition: int
    key: bytes
    value: bytes


class Fleet:
    """`vehicles` cars at 1 Hz of event time, of which `share` are hot and have a trouble code."""

    def __init__(self, vehicles: int, *, share: float, start_ms: int, code_held_s: int = FOR_EVER_S) -> None:
        generator = random.Random(1)
        self._start_ms = start_ms
        self._every = round(1 / share)
        self._code_held_s = code_held_s
        drawn = [
            (name, [round(generator.gauss(mean, spread), decimals) for _ in range(KNOWN_VALUES)])
            for name, (mean, spread, decimals) in SIGNALS.items()
        ]
        self._columns = list(enumerate(drawn, start=2))
        cars = [_car(number, start_ms) for number in range(vehicles)]
        keys = [car.vehicle_id.encode() for car in cars]
        self.cars = [
            (number, partition_of_key(key, READING_PARTITIONS), key, car)
            for number, (car, key) in enumerate(zip(cars, keys, strict=True))
        ]

    def second(self, second: int, *, shift: int = 0, step: int = 1) -> Iterator[Sent]:
        """Give one reading of each car, or of every `step`-th from `shift` on."""
        at_ms = self._start_ms + second * 1_000
        columns, every = self._columns, self._every
        for number, partition, key, car in self.cars[shift::step]:
            car.sequence = second + 1
            car.recorded_at_ms = at_ms + number % 1_000
            car.trip_distance_m = car.odometer_m = 5_000 + second * 22
            car.trip_fuel_ml = 300 + second * 2
            at = number * 7_919 + second * 104_729
            for stride, (name, values) in columns:
                setattr(car, name, values[at * stride % KNOWN_VALUES])
            if number * 7_919 % 10_007 % every == 0:
                car.coolant_c = 114.2
                car.trouble_codes = TROUBLE_CODES[(number // every + second // self._code_held_s) % len(TROUBLE_CODES)]
            yield Sent(partition, key, encode(car))


def registry(vehicles: int) -> Iterator[Vehicle]:
    """Give every car's entry in the registry, so that the rules that read it are at work, too."""
    for number in range(vehicles):
        yield Vehicle(_vin(number), "Volkswagen", "Golf", 2020, "measured", 1.5, 1_500, tank_l=50, placard_kpa=230)


def _vin(number: int) -> str:
    return f"WVWZZZ1JZ{number:08d}"


def _car(number: int, start_ms: int) -> Reading:
    return Reading(
        vehicle_id=_vin(number), sequence=0, recorded_at_ms=start_ms,
        trip_started_at_ms=start_ms - 600_000, trip_distance_m=0, speed_kmh=0, engine_rpm=0, trip_idle_s=3,
        ignition_on=True, odometer_m=0, ambient_air_c=17.5, oil_level="NORMAL", fuel_level_pct=63.2,
        long_fuel_trim_pct=-0.8, misfires=0, tyre_pressures_kpa=(231.0, 230.5, 229.5, 230.0), trouble_codes=(),
    )  # fmt: skip
