"""`simulator history`: days of trips to the broker, as fast as it takes them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from contracts.topics import READING_PARTITIONS
from simulator.clock import now_ms
from simulator.faults.fault import Faults
from simulator.faults.fault_script import script_of
from simulator.faults.truth import TruthFile, truth_line
from simulator.past.history import History, PastTrips
from simulator.past.scripted import scripted
from simulator.readings.columns import ReadingColumns
from simulator.readings.rows import ReadingRows
from simulator.settings import HistorySettings
from simulator.transport.arrivals import Arrivals, Transport
from simulator.transport.disturbances import skew_ms
from simulator.transport.publisher import Publisher
from simulator.trips.driven import DrivenFile
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.trips.trip_calendar import DAY_S, calendar, interval_s
from simulator.vehicles.fleet import Fleet, fleet, registry

_CHUNK: Final = 2000
_MARGIN_MS: Final = 60_000
_BEHIND: Final = "the broker is behind"


@dataclass(frozen=True, slots=True)
class Written:
    """What a history came to."""

    readings_produced: int
    vehicles: int
    trips: int
    interval_s: int
    faults: int
    seconds: float
    readings_per_s: int
    waited_s: float
    """For the broker: seconds in which it took readings more slowly than they came."""
    disturbed: dict[str, int]
    """Readings lost, malformed, duplicated and delayed on the way; empty when the way is quiet."""


async def write_history(settings: HistorySettings, console: Console) -> Written:
    """Write it and wait for the last acknowledgement. Raises Unavailable when the broker is or goes away."""
    clock = asyncio.get_running_loop().time
    publisher = Publisher(settings.bootstrap)
    await publisher.start(settings.wait)
    began_s = clock()
    try:
        cars = fleet(settings.vehicles, settings.seed)
        await publisher.register(registry(cars))
        with _progress(console) as progress:
            trips, each_s = _planned(settings, cars)
            task = progress.add_task("driving", total=1.0, broker="")
            history = trips.drive(lambda share: progress.update(task, completed=share))
            transports = [Transport(settings.disturbances()) for _ in range(READING_PARTITIONS)]
            await _send(history, publisher, transports, progress)
        await publisher.flush()
    finally:
        await publisher.close()
    off_ms = skew_ms(settings.disturbances(), cars.vehicle_id).tolist()
    if settings.driven is not None:
        DrivenFile(settings.driven).write(history.driven)
    TruthFile(settings.truth).write([truth_line(fault, cars, off_ms=off_ms[fault.vehicle]) for fault in history.faults])
    seconds = clock() - began_s
    return Written(
        readings_produced=publisher.acknowledged,
        vehicles=len(cars),
        trips=trips.count,
        interval_s=each_s,
        faults=len(history.faults),
        seconds=round(seconds, 1),
        readings_per_s=round(publisher.acknowledged / seconds),
        waited_s=round(publisher.waiting.total_s, 1),
        disturbed=dict(sum((each.told for each in transports), Counter())),
    )


def _planned(settings: HistorySettings, cars: Fleet) -> tuple[PastTrips, int]:
    until_ms = now_ms() if settings.until is None else round(settings.until.timestamp() * 1000)
    random = np.random.default_rng([settings.seed, 6])
    planned = calendar(settings.vehicles, days=settings.days, until_ms=until_ms - _MARGIN_MS, random=random)
    each_s = interval_s(planned, settings.limit)
    faults = Faults(
        len(planned),
        per_vehicle_hour=settings.fault_rate,
        growth_s=settings.fault_growth,
        repair_s=settings.fault_repair,
    )
    book = road_book(network(settings.roads, seed=settings.seed, segments=settings.city_segments), settings.seed)
    script = script_of(settings.faults, cars.vehicle_id, growth_s=settings.fault_growth, repair_s=settings.fault_repair)
    faults.plant(scripted(script, planned, from_ms=until_ms - round(settings.days * DAY_S * 1000)))
    trips = PastTrips(
        cars,
        book,
        planned,
        interval_s=each_s,
        seed=settings.seed,
        faults=faults,
        gps_noise_m=settings.gps_noise,
    )
    return trips, each_s


async def _send(history: History, publisher: Publisher, transports: list[Transport], progress: Progress) -> None:
    task = progress.add_task("sending", total=len(history.columns), broker="")
    encoder = ReadingRows(_CHUNK)

    starts = np.searchsorted(history.columns.partition, np.arange(READING_PARTITIONS + 1)).tolist()

    async def send_partition(partition: int) -> None:
        transport = transports[partition]
        for start in range(starts[partition], starts[partition + 1], _CHUNK):
            end = min(start + _CHUNK, starts[partition + 1])
            arrived = _carried(transport, history.columns.part(start, end), encoder)
            await publisher.send(partition, arrived.keys, arrived.messages)
            told = _BEHIND if publisher.waiting.is_going_on else ""
            progress.update(task, completed=publisher.acknowledged, broker=told)
            await asyncio.sleep(0)
        rest = transport.rest()
        await publisher.send(partition, rest.keys, rest.messages)

    await asyncio.gather(*(send_partition(partition) for partition in range(READING_PARTITIONS)))
    await publisher.flush()
    progress.update(task, completed=publisher.acknowledged)


def _carried(transport: Transport, readings: ReadingColumns, encoder: ReadingRows) -> Arrivals:
    sent_at_ms = readings.values["recorded_at_ms"]
    messages = encoder.encode(transport.skewed(readings))
    return transport.carried(readings, messages, sent_at_ms=sent_at_ms, until_ms=int(sent_at_ms[-1]))


def _progress(console: Console) -> Progress:
    share = TextColumn("{task.percentage:>3.0f} %")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        share,
        TimeElapsedColumn(),
        TextColumn("{task.fields[broker]}"),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
