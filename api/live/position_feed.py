"""The one reader of positions for all clients: what moved in each client's viewport, a frame a second."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec
from sqlalchemy.exc import DBAPIError

from api.answers.position import feature
from api.live.frame import RETRY_MS
from api.live.places import Viewport, moved, thinned
from api.live.position import Vector, written
from api.queries.positions import known_places, marked_offsets, positions_of
from contracts.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from api.queries.positions import Place
    from api.store.database import Store

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

_MOST_FEATURES: Final = 2_000
"""In a frame: what a map can show."""
FEATURES_A_PAGE: Final = 100
"""A frame is sent in events of so many; the client has taken one before the next is made."""
_AT_ONCE: Final = 2
"""Pages that are made at a time, in threads: more would keep the event loop waiting for the interpreter."""
_MOST_PAGES: Final = 256
"""That are kept until the next look, for others who look at the same."""
_HEARTBEAT_S: Final = 15.0


class PositionFrame(NamedTuple):
    """All that moved in a viewport between two positions of the stream; everything in it, where `since` is None."""

    view: Viewport
    since: Vector | None
    until: Vector


class PositionFeed:
    """Reads while somebody looks. A slow client misses frames, not vehicles: each frame has all that moved since."""

    def __init__(self, store: Store, *, every_s: float = 1.0) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._every_s = every_s
        self._places: dict[str, Place] = {}
        self._reached: Vector | None = None
        self._moved: dict[Vector | None, list[Place]] = {}
        self._shown: dict[PositionFrame, list[str]] = {}
        self._pages: dict[tuple[PositionFrame, int], bytes] = {}
        self._making = asyncio.Semaphore(_AT_ONCE)
        self._next = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._looking = 0
        self._is_ended = False

    def end(self) -> None:
        """End all streams soon; may be called by a signal's handler."""
        self._is_ended = True

    async def chunks(self, view: Viewport, since: Vector | None) -> AsyncGenerator[bytes, None]:
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
                    frame = PositionFrame(view, since, self._reached)
                    since = frame.until
                    async for page in self._told(frame):
                        yield page
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
            for kept in (self._moved, self._shown, self._pages):
                kept.clear()
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

    async def _told(self, frame: PositionFrame) -> AsyncIterator[bytes]:
        """Give a frame as events; the last one has the id, so that who breaks off before it gets all of it again."""
        vehicle_ids = await self._made(self._shown, frame, partial(self._in_view, frame))
        for at in range(0, len(vehicle_ids), FEATURES_A_PAGE):
            page = vehicle_ids[at : at + FEATURES_A_PAGE]
            is_last = at + FEATURES_A_PAGE >= len(vehicle_ids)
            event_id = f"id: {written(frame.until)}\n" if is_last else ""
            if text := await self._made(self._pages, (frame, at), partial(self._written, page, event_id)):
                yield text

    async def _made(self, kept: dict[K, V], asked: K, make: Callable[[], V]) -> V:
        """Give what is kept for all who look at the same and stand at the same, else make it in a thread."""
        if asked in kept:
            return kept[asked]
        async with self._making:
            made = kept[asked] if asked in kept else await asyncio.to_thread(make)
            if len(kept) < _MOST_PAGES:
                kept[asked] = made
            return made

    def _in_view(self, frame: PositionFrame) -> list[str]:
        if frame.since not in self._moved:
            places = list(self._places.values())
            self._moved[frame.since] = moved(places, frame.since) if frame.since else places
        return [place.vehicle_id for place in thinned(self._moved[frame.since], frame.view)[:_MOST_FEATURES]]

    def _written(self, vehicle_ids: Sequence[str], event_id: str) -> bytes:
        with self._store.snapshot() as connection:
            features = [feature(one) for one in positions_of(connection, vehicle_ids)]
        if not features and not event_id:
            return b""
        collection = msgspec.json.encode({"type": "FeatureCollection", "features": features})
        return f"event: positions\n{event_id}data: ".encode() + collection + b"\n\n"
