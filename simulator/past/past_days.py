"""`simulator history`: days of trips to the broker, as fast as it takes them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.topics import READING_PARTITIONS
from observability.terminal import BarColumn, Console, Progress, TextColumn, TimeElapsedColumn
from simulator.clock import now_ms
from simulator.faults.fault import Fault
from simulator.faults.truth import TruthFile, truth_line
from simulator.past.history import History
from simulator.past.parts import PastDays, driven_ahead
from simulator.readings.columns import ReadingColumns
from simulator.readings.rows import ReadingRows
from simulator.settings import HistorySettings
from simulator.transport.arrivals import Arrivals, Transport
from simulator.transport.disturbances import skew_ms
from simulator.transport.publisher import Publisher
from simulator.trips.driven import DrivenFile
from simulator.vehicles.fleet import fleet, registry
from simulator.vehicles.logbook import Logbook

_CHUNK: Final = 2000
_COMPRESSORS: Final = 2
"""Threads that compress while others drive and encode: zstd lets them."""
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
    with ThreadPoolExecutor(_COMPRESSORS, "compressing") as compressors:
        publisher = Publisher(settings.bootstrap, compressors=compressors)
        await publisher.start(settings.wait)
        try:
            return await _written(settings, publisher, console)
        finally:
            await publisher.close()


async def _written(settings: HistorySettings, publisher: Publisher, console: Console) -> Written:
    clock = asyncio.get_running_loop().time
    began_s = clock()
    cars = fleet(settings.vehicles, settings.seed)
    await publisher.register(registry(cars))
    days = PastDays(settings, cars, until_ms=now_ms())
    driven = None if settings.driven is None else DrivenFile(settings.driven)
    transports = [Transport(settings.disturbances()) for _ in range(READING_PARTITIONS)]
    logbook = Logbook(settings.logbook_file(is_now=settings.until is None))
    logbook.write([], np.zeros(0))  # what cannot be written is told before the work
    truth = TruthFile(settings.truth)
    faults: list[Fault] = []
    odometer_m = np.zeros(len(cars))
    with _progress(console) as progress:
        driving = progress.add_task("driving", total=1.0, broker="")
        sending = progress.add_task("sending", total=days.readings, broker="")
        ahead = driven_ahead(days, lambda share: progress.update(driving, completed=share))
        async with aclosing(ahead) as parts:
            async for history in parts:
                await _send(history, publisher, transports, lambda **told: progress.update(sending, **told))
                faults += history.faults
                odometer_m = np.maximum(odometer_m, history.odometer_m)
                if driven is not None:
                    driven.write(history.driven)
        await publisher.flush()
    off_ms = skew_ms(settings.disturbances(), cars.vehicle_id).tolist()
    truth.write([truth_line(fault, cars, off_ms=off_ms[fault.vehicle]) for fault in faults])
    logbook.write(cars.vehicle_id.tolist(), odometer_m)
    seconds = clock() - began_s
    return Written(
        readings_produced=publisher.acknowledged,
        vehicles=len(cars),
        trips=days.trips,
        interval_s=days.interval_s,
        faults=len(faults),
        seconds=round(seconds, 1),
        readings_per_s=round(publisher.acknowledged / seconds),
        waited_s=round(publisher.waiting.total_s, 1),
        disturbed=dict(sum((each.told for each in transports), Counter())),
    )


async def _send(
    history: History, publisher: Publisher, transports: list[Transport], tell: Callable[..., object]
) -> None:
    """Send what there is of each partition side by side; one partition's readings in their order."""
    encoder = ReadingRows(_CHUNK)
    starts = np.searchsorted(history.columns.partition, np.arange(READING_PARTITIONS + 1)).tolist()

    async def send_partition(partition: int) -> None:
        transport = transports[partition]
        for start in range(starts[partition], starts[partition + 1], _CHUNK):
            end = min(start + _CHUNK, starts[partition + 1])
            arrived = _carried(transport, history.columns.part(start, end), encoder)
            await publisher.send(partition, arrived.keys, arrived.messages)
            tell(completed=publisher.acknowledged, broker=_BEHIND if publisher.waiting.is_going_on else "")
            await asyncio.sleep(0)
        rest = transport.rest()
        await publisher.send(partition, rest.keys, rest.messages)

    await asyncio.gather(*(send_partition(partition) for partition in range(READING_PARTITIONS)))


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
