"""Cars that move without end, written into a store by the projector's own functions: what the map is measured with."""

from __future__ import annotations

import math
import random
import threading
import time
from typing import Self

from sqlalchemy import Engine

from api.projector.inbox import Inbox
from api.projector.writing import write
from api.store.database import open_for_writing
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.record import Record
from contracts.topics import READING_PARTITIONS, VEHICLE_STATES
from contracts.vehicle_state import Mark, TripTotals, VehicleState, mark_key

ROUNDS = 5
"""Each car is heard every so many seconds; a fifth of them every second."""
_MIDDLE = (39.745, -104.985)
_SPREAD_DEG = 0.02


class MovingFleet:
    """A context in which a thread writes a part of the fleet each second."""

    def __init__(self, store: str, vehicles: int) -> None:
        self._engine: Engine = open_for_writing(store)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        generator = random.Random(1)
        self._cars = [
            (f"1HGCM82633A{number:06d}", generator.gauss(0, 1), generator.gauss(0, 1), generator.random() * math.tau)
            for number in range(vehicles)
        ]
        self._records = 0
        self._second = 0

    def __enter__(self) -> Self:
        for part in range(ROUNDS):
            self._write(part)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while not self._ended.is_set():
            begun = time.monotonic()
            self._write(self._second % ROUNDS)
            self._ended.wait(max(0.05, 1 - (time.monotonic() - begun)))

    def _write(self, part: int) -> None:
        self._second += 1
        at_ms = time.time_ns() // 1_000_000
        records = [self._state(car, at_ms) for car in self._cars[part::ROUNDS]]
        records += [self._mark(partition, at_ms) for partition in range(READING_PARTITIONS)]
        with self._engine.begin() as connection:
            write(connection, Inbox().take(records, None))

    def _state(self, car: tuple[str, float, float, float], at_ms: int) -> Record:
        vin, across, along, begun = car
        turned = begun + self._second / 40
        partition = partition_of_key(vin.encode(), READING_PARTITIONS)
        newest = Reading(
            vehicle_id=vin, sequence=self._second, recorded_at_ms=at_ms, trip_started_at_ms=at_ms - 600_000,
            trip_distance_m=self._second * 10, speed_kmh=40.0, engine_rpm=1_900.0,
            latitude_deg=_MIDDLE[0] + _SPREAD_DEG * (across + 0.3 * math.sin(turned)) / 2,
            longitude_deg=_MIDDLE[1] + _SPREAD_DEG * (along + 0.3 * math.cos(turned)),
        )  # fmt: skip
        state = VehicleState(
            offset=self._second, partition=partition, received_at_ms=at_ms, newest=newest,
            newest_received_at_ms=at_ms, trips=[TripTotals(at_ms - 600_000, self._second * 10, at_ms, 100, 0)],
        )  # fmt: skip
        return self._record(partition, vin.encode(), encode(state), at_ms)

    def _mark(self, partition: int, at_ms: int) -> Record:
        mark = Mark(partition=partition, next_offset=self._second + 1, received_at_ms=at_ms, rules_hash="r")
        return self._record(partition, mark_key(partition), encode(mark), at_ms)

    def _record(self, partition: int, key: bytes, value: bytes, at_ms: int) -> Record:
        self._records += 1
        return Record(VEHICLE_STATES.name, partition, self._records, at_ms, key, value, [])
