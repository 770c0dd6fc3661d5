"""The cameras of a fleet: pictures are drawn one at a time beside the fleet, and sent the way that readings go."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from contracts.errors import SnapshotRefused, Unavailable
from contracts.snapshot import Snapshot
from observability.metrics import SNAPSHOTS_SENT
from roads.network import RoadNetwork
from simulator.dashcam.moments import Moment, Moments
from simulator.dashcam.picture import jpeg
from simulator.dashcam.scenery import Scenery
from simulator.readings.columns import ReadingColumns
from simulator.vehicles.fleet import Fleet

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 64


class Sender(Protocol):
    """Where pictures go."""

    async def send_snapshot(self, snapshot: Snapshot, picture: bytes) -> None:
        """Send one. Raises SnapshotRefused for one that must not be sent, Unavailable when the way is broken."""


@dataclass(frozen=True, slots=True)
class Lens:
    """How large pictures are, in pixels across, and how little is lost in them (JPEG quality)."""

    width: int
    quality: int


class Camera:
    """All cameras. `look` never waits: when too many pictures wait to be drawn, the next moments pass untaken."""

    def __init__(self, fleet: Fleet, share: float, *, network: RoadNetwork, lens: Lens, sender: Sender) -> None:
        """Equip this share of the cars, always the same ones of a fleet."""
        is_equipped = (np.arange(len(fleet)) * 0.618_033_988_75) % 1 < share  # spread evenly over the fleet
        self._moments = Moments(fleet.vehicle_id[is_equipped].tolist())
        self._scenery = Scenery(network)
        self._lens = lens
        self._sender = sender
        self._waiting: asyncio.Queue[Moment] = asyncio.Queue(_MOST_WAITING)
        self._working = asyncio.create_task(self._work())
        self.sent = self.refused = self.passed = 0
        """Pictures sent, refused, and moments that passed untaken."""

    @property
    def told(self) -> dict[str, int]:
        """The three figures by their names."""
        return {"sent": self.sent, "refused": self.refused, "untaken": self.passed}

    def look(self, readings: ReadingColumns) -> None:
        """Take pictures of what these readings deserve one."""
        for moment in self._moments.of(readings):
            try:
                self._waiting.put_nowait(moment)
            except asyncio.QueueFull:
                self.passed += 1

    async def _work(self) -> None:
        while True:
            moment = await self._waiting.get()
            try:
                await self._take(moment)
            except SnapshotRefused as error:
                self.refused += 1
                log.error("snapshot refused", extra={"reason": str(error)})  # noqa: TRY400 - the reason says all
            except Unavailable:
                self.passed += 1  # the readings' next sending tells
            finally:
                self._waiting.task_done()

    async def _take(self, moment: Moment) -> None:
        snapshot = snapshot_of(moment)
        picture = await asyncio.to_thread(self._drawn, snapshot, moment.reading.heading_deg or 0.0)
        await self._sender.send_snapshot(snapshot, picture)
        self.sent += 1
        SNAPSHOTS_SENT.inc()

    def _drawn(self, snapshot: Snapshot, heading_deg: float) -> bytes:
        ahead = []
        if snapshot.latitude_deg is not None and snapshot.longitude_deg is not None:
            ahead = self._scenery.ahead((snapshot.latitude_deg, snapshot.longitude_deg), heading_deg)
        return jpeg(snapshot, ahead, width=self._lens.width, quality=self._lens.quality)

    async def close(self) -> None:
        """Draw and send what waits."""
        await self._waiting.join()
        self._working.cancel()


def snapshot_of(moment: Moment) -> Snapshot:
    """Give the facts of a picture taken at this moment."""
    reading = moment.reading
    return Snapshot(
        vehicle_id=reading.vehicle_id,
        event=moment.event,
        recorded_at_ms=reading.recorded_at_ms,
        trip_started_at_ms=reading.trip_started_at_ms,
        sequence=reading.sequence,
        speed_kmh=reading.speed_kmh,
        latitude_deg=reading.latitude_deg,
        longitude_deg=reading.longitude_deg,
        detail=moment.detail,
    )
