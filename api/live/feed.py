"""The one reader of alert events for all clients: it sees what the projector has committed and hands it round."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from api.live.frame import Frame, Wish, alerted, greeting, reset, standing
from api.live.listener import Listener
from api.queries.alert_events import count_between, events_between, first_offsets, next_offsets
from contracts.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sqlalchemy import Connection

    from api.live.position import Vector
    from api.queries.alert_events import AlertEvent
    from api.store.database import Store

log = logging.getLogger(__name__)

MOST_MISSED: Final = 10_000
"""Who missed more events is better served by the lists."""
_BATCH: Final = 100
"""Events that are handed round at once: they are read in the event loop, and written there."""
_PAGE: Final = 50
_PAGES_AT_ONCE: Final = 2
"""Pages that are made at a time, in threads: more would keep the event loop waiting for the interpreter."""
_RETRY_S: Final = 1.0


class AlertFeed:
    """Reads while somebody listens. It never goes back: while a store is rebuilt, nothing is sent twice."""

    def __init__(self, store: Store, *, every_s: float = 0.01, heartbeat_s: float = 15.0) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._every_s = every_s
        self._heartbeat_s = heartbeat_s
        self._reached: Vector | None = None
        self._reading = asyncio.Lock()
        self._paging = asyncio.Semaphore(_PAGES_AT_ONCE)
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_ended = False

    async def join(
        self, since: Vector | None, wish: Wish, *, is_lost: bool = False, sees_places: Callable[[], bool] = lambda: True
    ) -> Listener:
        """Let a client listen: from `since` on, else from now on. Raises Unavailable without a store.

        What it missed since then comes first. When that cannot be told, or `is_lost`, a reset comes instead.
        """
        if self._is_ended:
            raise Unavailable("the API is stopping; come back in a moment")
        reached = await self._advance()
        listener = Listener(wish, sees_places=sees_places)
        # From here on new events wait for it; nothing may be awaited between this and the advance above.
        self._listeners.add(listener)
        if is_lost:
            listener.missed = _ready([greeting(reached), reset(reached)])
        elif since in {None, reached}:
            listener.missed = _ready([greeting(reached), standing(reached)])
        else:
            listener.is_live = False
            listener.missed = self._missed(since or reached, listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a client."""
        self._listeners.discard(listener)

    def end(self) -> None:
        """End all streams soon; may be called by a signal's handler."""
        self._is_ended = True

    async def _missed(self, since: Vector, listener: Listener) -> AsyncIterator[Sequence[Frame]]:
        """Yield what happened since then, a page when the one before was taken; then what comes waits for it.

        Raises Unavailable, or the store's error.
        """
        yield [greeting(since)]
        while (reached := self._reached) is not None and since != reached:
            async with self._paging:
                page = await asyncio.to_thread(self._page, since, reached)
            if page is None:
                since = self._stand(listener)
                yield [reset(since)]
                return
            frames, since = page
            yield frames
        since = self._stand(listener)
        yield [standing(since)]

    def _stand(self, listener: Listener) -> Vector:
        """Let a client hear what comes from here on, and return where that is."""
        assert self._reached is not None  # noqa: S101 - while somebody listens it is known
        listener.is_live = True
        return self._reached

    def _page(self, since: Vector, reached: Vector) -> tuple[list[Frame], Vector] | None:
        """Return what happened first, and up to where; None when too much did, or it is not known any more."""
        with self._store.snapshot() as connection:
            oldest, newest = first_offsets(connection), next_offsets(connection)
            is_known = all(
                stood <= now and (stood == now or (stood >= oldest.get(partition, stood) and now <= held))
                for partition, (stood, now, held) in enumerate(zip(since, reached, newest, strict=True))
            )
            if not is_known or count_between(connection, since, reached, most=MOST_MISSED) > MOST_MISSED:
                return None
            events, told = events_between(connection, since, reached, most=_PAGE)
        return alerted(since, events), told

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        beaten = loop.time()
        while self._listeners and not self._is_ended:
            await asyncio.sleep(self._every_s)
            try:
                reached = await self._advance()
            except (Unavailable, DBAPIError) as error:
                log.warning("alert stream waits for the store", extra={"reason": str(error)})
                await asyncio.sleep(_RETRY_S)
                continue
            if loop.time() - beaten >= self._heartbeat_s:
                beaten = loop.time()
                self._offer([standing(reached)])
        for listener in self._listeners:
            listener.end()
        if not self._listeners:
            self._reached = None  # who comes next begins with what comes then

    async def _advance(self) -> Vector:
        """Hand round what is new; give up to where."""
        async with self._reading:
            before = self._reached
            events, reached = await self._store.ask(lambda connection: _new(connection, before), is_quick=True)
            self._reached = reached
            if before is not None and (frames := alerted(before, events)):
                self._offer(frames)
            return reached

    def _offer(self, frames: list[Frame]) -> None:
        for listener in [*self._listeners]:
            if listener.is_live and not listener.offer(frames):
                log.warning("slow client of the alert stream dropped")
                self.leave(listener)


async def _ready(frames: Sequence[Frame]) -> AsyncIterator[Sequence[Frame]]:
    yield frames


def _new(connection: Connection, before: Vector | None) -> tuple[list[AlertEvent], Vector]:
    now = next_offsets(connection)
    if before is None or now == before:
        return [], now
    return events_between(connection, before, tuple(map(max, before, now)), most=_BATCH)
