"""Days of trips in parts that fit into memory: a part is driven, in a thread of its own, while another is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

import numpy as np

from contracts.topics import READING_PARTITIONS
from simulator.faults.fault import Faults
from simulator.faults.fault_script import script_of
from simulator.past.history import History, PastTrips
from simulator.past.scripted import scripted
from simulator.settings import HistorySettings
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.trips.trip_calendar import DAY_S, Calendar, calendar, interval_s, readings_of
from simulator.vehicles.fleet import Fleet, Integers

_PART_READINGS: Final = 1_500_000
"""About 300 MB; two parts are in memory at a time."""
_MARGIN_MS: Final = 60_000


class PastDays:
    """What settings ask for, planned: the trips, and the parts in which they are driven."""

    def __init__(self, settings: HistorySettings, cars: Fleet, *, until_ms: int) -> None:
        """Plan days that end before `--until`, or else before `until_ms`. Raises InvalidInput for too low a limit."""
        if settings.until is not None:
            until_ms = round(settings.until.timestamp() * 1000)
        random = np.random.default_rng([settings.seed, 6])
        planned = calendar(settings.vehicles, days=settings.days, until_ms=until_ms - _MARGIN_MS, random=random)
        self.trips = len(planned)
        self.interval_s = interval_s(planned, settings.limit)
        self.readings = readings_of(planned, self.interval_s)
        """As many, unless a trip ends before its time or a car is silent."""
        self._settings = settings
        self._cars = cars
        self._from_ms = until_ms - round(settings.days * DAY_S * 1000)
        roads = network(settings.roads, seed=settings.seed, segments=settings.city_segments)
        self._book = road_book(roads, settings.seed)
        self._script = script_of(
            settings.faults, cars.vehicle_id, growth_s=settings.fault_growth, repair_s=settings.fault_repair
        )
        self._planned = list(parts(planned, cars.partition, self.readings))

    def __len__(self) -> int:
        """Count the parts."""
        return len(self._planned)

    def drive(self, part: int, on_progress: Callable[[float], object]) -> History:
        """Drive a part to the end of its trips; `on_progress` is told the share of it that is done."""
        settings, planned = self._settings, self._planned[part]
        faults = Faults(
            len(planned),
            per_vehicle_hour=settings.fault_rate,
            growth_s=settings.fault_growth,
            repair_s=settings.fault_repair,
        )
        faults.plant(scripted(self._script, planned, from_ms=self._from_ms))
        trips = PastTrips(
            self._cars,
            self._book,
            planned,
            interval_s=self.interval_s,
            seed=settings.seed,
            faults=faults,
            gps_noise_m=settings.gps_noise,
            part=part,
        )
        return trips.drive(on_progress)


def parts(planned: Calendar, partition: Integers, readings: int) -> list[Calendar]:
    """Cut trips up into parts of whole partitions, so that in each partition time still rises; `partition` is by car.

    There are as many as partitions at most, and one of an average history.
    """
    count = min(-(-max(readings, 1) // _PART_READINGS), READING_PARTITIONS)
    part = partition[planned.vehicle] * count // READING_PARTITIONS
    return [planned.of(part == each) for each in range(count)]


async def driven_ahead(days: PastDays, on_progress: Callable[[float], object]) -> AsyncGenerator[History]:
    """Drive part after part, at most one ahead of the one that was taken; `on_progress` is told the share of all."""
    is_left = Event()

    def drive(part: int) -> History:
        def tell(share: float) -> None:
            if is_left.is_set():
                raise asyncio.CancelledError
            on_progress((part + share) / len(days))

        return days.drive(part, tell)

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "driving") as driver:
        try:
            ahead = loop.run_in_executor(driver, drive, 0)
            for following in range(1, len(days) + 1):
                history = await ahead
                if following < len(days):
                    ahead = loop.run_in_executor(driver, drive, following)
                yield history
        finally:
            is_left.set()
            ahead.cancel()
