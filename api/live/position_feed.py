"""The one reader of positions for all clients: what moved in each client's viewport, a frame a second."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy.exc import DBAPIError

from api.answers.position import feature
from api.live.frame import RETRY_MS
from api.live.places import moved, thinned
from api.live.position import written
from api.queries.positions import known_places, marked_offsets, positions_of
from contracts.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from api.live.places import Viewport
    from api.live.position import Vector
    from api.queries.positions import Place
    from api.store.database import Store

log = logging.getLogger(__name__)

_MOST_FEATURES: Final = 2_000
_HEARTBEAT_S: Final = 15.0


class PositionFeed:
    """Reads while somebody looks. A slow client misses frames, not vehicles: each frame has all that moved since."""

    def __init__(self, store: Store, *, every_s: float = 1.0) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._every_s = every_s
        self._places: dict[str, Place] = {}
        self._reached: Vector | None = None
        self._frames: dict[tuple[Viewport, Vector | None], bytes] = {}
        self._next = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._looking = 0
        self._is_ended = False

    def end(self) -> None:
        """End all streams soon; may be called by a signal's handler."""
        self._is_ended = True

    async def chunks(self, view: Viewport, since: Vector | None) -> AsyncIterator[bytes]:
        """Give what to send: what is in the viewport, or what moved since then; then what moves."""
        self._looking += 1
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._run())
            loop = asyncio.get_running_loop()
            beaten = loop.time()
            while not self._is_ended:
                if self._reached is not None and self._reached != since:
                    frame = await self._frame(view, since)
                    since = self._reached
                    if frame:
                        yield frame
                        beaten = loop.time()
                if loop.time() - beaten >= _HEARTBEAT_S:
                    beaten = loop.time()
                    yield b": alive\n\n"
                await self._tick()
        finally:
            self._looking -= 1

    async def _tick(self) -> None:
        try:
            async with asyncio.timeout(self._every_s * 2):
                await self._next.wait()
        except TimeoutError:
            return

    async def _run(self) -> None:
        while self._looking and not self._is_ended:
            try:
                await asyncio.to_thread(self._read)
            except (Unavailable, DBAPIError) as error:
                log.warning("position stream waits for the store", extra={"reason": str(error)})
            self._frames.clear()
            ticked, self._next = self._next, asyncio.Event()
            ticked.set()
            await asyncio.sleep(self._every_s)
        self._places, self._reached = {}, None

    def _read(self) -> None:
        with self._store.snapshot() as connection:
            reached = marked_offsets(connection)
            if reached == self._reached:
                return
            before = self._reached
            if before is None or any(now < stood for now, stood in zip(reached, before, strict=True)):
                self._places = {}  # the first look, or a store that is being rebuilt
                before = None
            for place in known_places(connection, since=before):
                self._places[place.vehicle_id] = place
            self._reached = reached

    async def _frame(self, view: Viewport, since: Vector | None) -> bytes:
        """Give a frame; clients who look at the same and stand at the same share it."""
        asked = (view, since)
        if asked not in self._frames:
            self._frames[asked] = await asyncio.to_thread(self._written, view, since)
        return self._frames[asked]

    def _written(self, view: Viewport, since: Vector | None) -> bytes:
        reached, places = self._reached, list(self._places.values())
        if reached is None:
            return b""
        found = thinned(moved(places, since) if since else places, view)[:_MOST_FEATURES]
        if not found:
            return b""
        with self._store.snapshot() as connection:
            features = [feature(one) for one in positions_of(connection, [place.vehicle_id for place in found])]
        collection = msgspec.json.encode({"type": "FeatureCollection", "features": features})
        return f"event: positions\nid: {written(reached)}\ndata: ".encode() + collection + b"\n\n"
