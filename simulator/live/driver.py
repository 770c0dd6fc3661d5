"""`simulator run`: the live fleet against the clock and the broker, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.errors import InvalidInput
from observability.status import serve_status
from simulator.clock import now_ms
from simulator.control.server import control_served
from simulator.dashcam.camera import Camera, Lens
from simulator.faults.fault import Faults
from simulator.faults.fault_script import script_of
from simulator.faults.truth import TruthFile, truth_line
from simulator.live.live_fleet import LiveFleet
from simulator.live.pace import Pace
from simulator.live.slices import Slice, slices
from simulator.live.steering import ROOM, Steering
from simulator.live.way import Way, way
from simulator.readings.columns import ReadingColumns
from simulator.readings.rows import ReadingRows
from simulator.settings import RunSettings
from simulator.transport.arrivals import Arrivals, Transport
from simulator.transport.disturbances import skew_ms
from simulator.trips.driven import DrivenFile, TripLog
from simulator.trips.network import network
from simulator.trips.rhythm import clock_h
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import Fleet, fleet, registry
from simulator.vehicles.logbook import Logbook

log = logging.getLogger(__name__)

_ROWS: Final = 8192
_LOGGED_EVERY_S: Final = 30.0
_SOON_S: Final = 60


@dataclass(frozen=True, slots=True)
class Driven:
    """What a run came to."""

    readings_produced: int
    vehicles: int
    trips: int
    faults: int
    seconds: float
    behind_s: float
    """The furthest that readings left later than they were due."""
    disturbed: dict[str, int]
    """Readings lost, malformed, duplicated and delayed on the way; empty when the way is quiet."""
    snapshots: dict[str, int]
    """Dashcam pictures sent and refused, and moments passed untaken; empty without cameras."""


async def drive(settings: RunSettings) -> Driven:
    """Drive until stopped, then turn every engine off.

    Raises Unavailable when the broker is or goes away, InvalidInput for a rate that the machine cannot keep.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    publisher = way(settings)
    run = Drive(settings, publisher)
    is_driving = asyncio.Event()
    if settings.status_port >= 0:
        server = serve_status(settings.status_port, is_ready=is_driving.is_set)
        log.info("status served", extra={"port": server.server_port})
    await publisher.start(settings.wait)
    try:
        return await run.until(stop, is_driving)
    finally:
        await publisher.close()


class Drive:
    """One run: fleet, encoder and the pace of the clock."""

    def __init__(self, settings: RunSettings, publisher: Way) -> None:
        """Make the fleet; its event time begins at --start, or now."""
        self._settings = settings
        self._publisher = publisher
        most = _most_vehicles(settings)
        self._fleet: Fleet = fleet(most, settings.seed)
        roads = network(settings.roads, seed=settings.seed, segments=settings.city_segments)
        self._book = road_book(roads, settings.seed)
        lens = Lens(settings.dashcam_width, settings.dashcam_quality)
        self._camera = (
            Camera(self._fleet, settings.dashcam, network=roads, lens=lens, sender=publisher)
            if settings.dashcam
            else None
        )
        self._log = None if settings.driven is None else TripLog(self._book, most)
        self._driven = None if settings.driven is None else DrivenFile(settings.driven)
        self._encoder = ReadingRows(min(_ROWS, most))
        self._transport = Transport(settings.disturbances())
        self._truth = TruthFile(settings.truth)
        self._logbook = Logbook(settings.logbook_file(is_now=settings.start is None))
        self._vins: list[bytes] = self._fleet.vehicle_id.tolist()
        self._faults = Faults(
            most,
            per_vehicle_hour=settings.fault_rate,
            growth_s=settings.fault_growth,
            repair_s=settings.fault_repair,
            script=script_of(
                settings.faults,
                self._fleet.vehicle_id[: settings.vehicles],
                growth_s=settings.fault_growth,
                repair_s=settings.fault_repair,
            ),
        )
        # Rules see the car's clock, but never ahead of the broker's: live, only a slow clock moves what they see.
        skew = skew_ms(settings.disturbances(), self._fleet.vehicle_id)
        self._off_ms: list[int] = np.minimum(skew, 0).tolist()

    async def until(self, stop: asyncio.Event, is_driving: asyncio.Event) -> Driven:
        """Register the fleet, send tick after tick, end every trip, and wait for the last acknowledgement."""
        await self._publisher.register(registry(self._fleet)[: self._settings.vehicles])
        clock = asyncio.get_running_loop().time
        live = self._live()
        began_s, first_ms = clock(), live.next_ms
        pace = Pace(vehicles=live.active, rate_hz=self._settings.rate)
        ends_s = None if self._settings.for_ is None else began_s + self._settings.for_
        logged_s = float("-inf")
        async with self._steered(live, pace) as steering:
            is_driving.set()
            while not stop.is_set() and pace.hopeless is None and (ends_s is None or clock() < ends_s):
                began_ms = live.next_ms
                due_s = began_s + (began_ms - first_ms) / 1000
                readings, _, is_changed = live.tick()
                if self._camera is not None:
                    self._camera.look(self._transport.skewed(readings))
                if pace.look(clock(), due_s):
                    behind = {"behind_s": round(pace.now_s, 1)}
                    log.warning("behind the clock; lower --vehicles or --rate", extra=behind)
                await self._send_in_time(readings, (began_ms, live.next_ms), due_s, stop)
                if is_changed:
                    self._write_truth()
                self._write_driven()
                if clock() - logged_s >= _LOGGED_EVERY_S:
                    # A run that is killed was driven on since: what is written is what its cars cannot have passed.
                    self._logbook.write(self._vins, live.odometer_m(in_s=2 * _LOGGED_EVERY_S))
                    logged_s = clock()
                await _sleep_until(began_s + (live.next_ms - first_ms) / 1000, stop)
                await steering.going(stop)
        await self._send_last(live.end())
        if self._camera is not None:
            await self._camera.close()
        await self._publisher.flush()
        self._write_truth()
        self._write_driven()
        self._logbook.write(self._vins, live.odometer_m())
        if pace.hopeless is not None:
            raise pace.hopeless
        return Driven(
            readings_produced=self._publisher.acknowledged,
            vehicles=live.active,
            trips=live.trips_begun,
            faults=len(self._faults.history),
            seconds=round(clock() - began_s, 1),
            behind_s=round(pace.worst_s, 1),
            disturbed=dict(self._transport.told),
            snapshots={} if self._camera is None else self._camera.told,
        )

    def _live(self) -> LiveFleet:
        start = self._settings.start
        start_ms = now_ms() if start is None else round(start.timestamp() * 1000)
        live = LiveFleet(
            self._fleet,
            self._book,
            seed=self._settings.seed,
            start_ms=start_ms,
            rate_hz=self._settings.rate,
            faults=self._faults,
            gps_noise_m=self._settings.gps_noise,
            log=self._log,
            has_rhythm=self._settings.rhythm,
            least_odometer_m=self._logbook.odometer_m(self._vins),
        )
        live.active = self._settings.vehicles
        if self._settings.rhythm:
            seen = {"city_clock_h": round(clock_h(start_ms), 1), "drive_soon": int(live.due_by(_SOON_S).sum())}
            log.info("fleet drives as at this hour; without --rhythm nearly all cars drive", extra=seen)
        return live

    @asynccontextmanager
    async def _steered(self, live: LiveFleet, pace: Pace) -> AsyncIterator[Steering]:
        """Give the wheel; while the block runs the control has it too, where one is wanted."""
        steering = Steering(
            live, transport=self._transport, publisher=self._publisher, pace=pace, write_truth=self._write_truth
        )
        if self._settings.control < 0:
            yield steering
            return
        async with control_served(steering, self._settings.control) as port:
            log.info("control served", extra={"port": port})
            yield steering

    async def _send_in_time(
        self, readings: ReadingColumns, interval: tuple[int, int], due_s: float, stop: asyncio.Event
    ) -> None:
        """Send each reading when it arrives, in slices, so that the load is even and no clock runs ahead."""
        began_ms, ends_ms = interval
        for each in slices(self._carried(readings, until_ms=ends_ms), began_ms=began_ms):
            await _sleep_until(due_s + each.due_ms / 1000, stop)
            await self._send_batches(each)

    def _carried(self, readings: ReadingColumns, *, until_ms: int) -> Arrivals:
        sent_at_ms = readings.values["recorded_at_ms"]
        messages = self._encoder.encode(self._transport.skewed(readings))
        return self._transport.carried(readings, messages, sent_at_ms=sent_at_ms, until_ms=until_ms)

    async def _send_last(self, readings: ReadingColumns) -> None:
        """Send the readings that end the trips, after all that is still on its way."""
        for arrived in (self._transport.rest(), self._carried(readings, until_ms=0), self._transport.rest()):
            for each in slices(arrived, began_ms=0):
                await self._send_batches(each)

    async def _send_batches(self, part: Slice) -> None:
        await asyncio.gather(*(self._publisher.send(*batch) for batch in part.batches))

    def _write_driven(self) -> None:
        if self._driven is not None and self._log is not None and self._log.trips:
            self._driven.write(self._log)

    def _write_truth(self) -> None:
        self._truth.write(
            [truth_line(fault, self._fleet, off_ms=self._off_ms[fault.vehicle]) for fault in self._faults.history]
        )


def _most_vehicles(settings: RunSettings) -> int:
    """Give for how many cars there must be room: with a control, for more than drive at first."""
    if settings.control < 0:
        return settings.vehicles
    most = ROOM * settings.vehicles if settings.most_vehicles is None else settings.most_vehicles
    if most < settings.vehicles:
        raise InvalidInput(f"--most-vehicles {most}: fewer than --vehicles {settings.vehicles}; raise it")
    return most


async def _sleep_until(due_s: float, stop: asyncio.Event) -> None:
    """Sleep until the loop's clock reads `due_s`; a stop ends it, so that the last readings go out at once."""
    left_s = due_s - asyncio.get_running_loop().time()
    if left_s > 0 and not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), left_s)
        except TimeoutError:
            return
