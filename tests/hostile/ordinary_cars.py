"""Cars that do no harm: they drive on through every attack, and their alerts fall due at known readings."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer

from contracts.alert import alert_id
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA, Reading
from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle

Event = tuple[str, int]
"""alert_id, change"""

RULE: Final = "coolant_over_temperature"
FLEET: Final = "ordinary"
CYCLE_S: Final = 84
"""Longer than hot, clearing and cooling down together: each cycle raises an episode of its own, and clears it."""
_HOT_S: Final = 9
_RAISED_S: Final = 5
_CLEARED_S: Final = _HOT_S + 10
_HOT_C: Final = 112.0
_COOL_C: Final = 101.0
"""Too little below for the rule that watches the coolant rise."""
_SLOTS: Final = 10


@dataclass(frozen=True, slots=True)
class Car:
    """One car of one trip: a reading a second, hot in the first seconds of each of its cycles."""

    vehicle_id: str
    begun_ms: int
    first_hot_s: int

    def reading(self, second: int) -> Reading:
        """Return the reading of a second of the trip."""
        return Reading(
            vehicle_id=self.vehicle_id,
            sequence=second,
            recorded_at_ms=self.begun_ms + second * 1000,
            trip_started_at_ms=self.begun_ms,
            trip_distance_m=second * 16,
            trip_fuel_ml=second,
            trip_idle_s=0,
            speed_kmh=58.0,
            engine_rpm=2_000.0,
            battery_v=14.0,
            coolant_c=_HOT_C if self._within_cycle(second) in range(_HOT_S) else _COOL_C,
        )

    def due(self, second: int) -> Event | None:
        """Return the change of an alert that this reading causes."""
        change = {_RAISED_S: 1, _CLEARED_S: 2}.get(self._within_cycle(second))
        return None if change is None else (self._episode(second - self._within_cycle(second)), change)

    def _within_cycle(self, second: int) -> int:
        since = second - self.first_hot_s
        return since % CYCLE_S if since >= 0 else since

    def _episode(self, first_hot_s: int) -> str:
        return alert_id(self.vehicle_id, RULE, self.begun_ms, first_hot_s)


def numbered_vins(prefix: str, *, partition: int) -> Iterator[str]:
    """Return VINs without end that begin with `prefix` and belong to a partition."""
    numbers = itertools.count()
    vins = (f"{prefix}{number:0{17 - len(prefix)}d}" for number in numbers)
    return (vin for vin in vins if partition_of_key(vin.encode(), READING_PARTITIONS) == partition)


def fleet(*, begun_ms: int, per_partition: int, without: int) -> list[Car]:
    """Return cars in all partitions but `without`; in each, and over the fleet, their hot seconds are spread evenly."""
    partitions = [number for number in range(READING_PARTITIONS) if number != without]
    vins = [
        vin
        for number in partitions
        for vin in itertools.islice(numbered_vins("WVWZZZ1JZ", partition=number), per_partition)
    ]
    # A prime step scatters the cars of one partition over the cycle.
    return [Car(vin, begun_ms, number * 37 % CYCLE_S) for number, vin in enumerate(vins)]


class Traffic:
    """Sends what the cars tell, each once a second; `due` fills with the alerts that follow, by when they were sent."""

    def __init__(self, bootstrap: str, cars: list[Car]) -> None:
        """Connect to nothing yet."""
        self.due: dict[Event, int] = {}
        self.vehicles = frozenset(car.vehicle_id for car in cars)
        self._bootstrap = bootstrap
        self._slots = [cars[slot::_SLOTS] for slot in range(_SLOTS)]

    async def drive(self) -> None:
        """Register the cars, then drive until cancelled. What a busy machine holds up is sent late, not left out."""
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", linger_ms=5) as producer:
            for vin in sorted(self.vehicles):
                vehicle = Vehicle(vehicle_id=vin, make="Volkswagen", model="Golf", year=2020, fleet=FLEET)
                await producer.send(VEHICLES.name, encode(vehicle), key=vin.encode())
            await producer.flush()
            begun_s = asyncio.get_running_loop().time()
            for tick in itertools.count():
                await asyncio.sleep(begun_s + tick / _SLOTS - asyncio.get_running_loop().time())
                second, slot = divmod(tick, _SLOTS)
                for car in self._slots[slot]:
                    await self._send(producer, car, second)

    async def _send(self, producer: AIOKafkaProducer, car: Car, second: int) -> None:
        key = car.vehicle_id.encode()
        partition = partition_of_key(key, READING_PARTITIONS)
        headers = [("schema", READING_SCHEMA)]
        if event := car.due(second):
            self.due[event] = time.time_ns() // 1_000_000
        await producer.send(
            VEHICLE_READINGS.name, encode(car.reading(second)), key=key, partition=partition, headers=headers
        )
