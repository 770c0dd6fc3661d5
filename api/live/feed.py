"""The one reader of alert events for all clients: it sees what the projector has committed and hands it round."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from api.live.frame import Frame, Wish, alerted, greeting, reset, standing
from api.live.listener import Listener
from api.queries.alert_events import events_between, first_offsets, next_offsets
from contracts.errors import Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.live.position import Vector
    from api.queries.alert_events import AlertEvent
    from api.store.database import Store

log = logging.getLogger(__name__)

MOST_MISSED: Final = 10_000
"""Who missed more events is better served by the lists."""
_BATCH: Final = 500
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
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_ended = False

    async def join(self, since: Vector | None, wish: Wish, *, is_lost: bool = False) -> Listener:
        """Let a client listen: from `since` on, else from now on. Raises Unavailable without a store.

        What it missed since then comes first. When that cannot be told, or `is_lost`, a reset comes instead.
        """
        if self._is_ended:
            raise Unavailable("the API is stopping; come back in a moment")
        reached = await self._advance()
        listener = Listener(wish)
        # From here on new events wait for it; nothing may be awaited between this and the advance above.
        self._listeners.add(listener)
        try:
            missed = None if is_lost else await asyncio.to_thread(self._missed, since or reached, reached)
        except BaseException:
            self.leave(listener)
            raise
        listener.missed = [greeting(reached), reset(reached)] if missed is None else [*missed, standing(reached)]
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a client."""
        self._listeners.discard(listener)

    def end(self) -> None:
        """End all streams soon; may be called by a signal's handler."""
        self._is_ended = True

    def _missed(self, since: Vector, reached: Vector) -> list[Frame] | None:
        """Give what happened from `since` up to `reached`; None when that is too much, or not known any more."""
        with self._store.snapshot() as connection:
            oldest = first_offsets(connection)
            is_known = all(
                stood <= now and (stood == now or stood >= oldest.get(partition, stood))
                for partition, (stood, now) in enumerate(zip(since, reached, strict=True))
            )
            if not is_known:
                return None
            events, _ = events_between(connection, since, reached, most=MOST_MISSED + 1)
        if len(events) > MOST_MISSED:
            return None
        return [greeting(since), *alerted(since, events)]

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

    async def _advance(self) -> Vector:
        """Hand round what is new; give up to where."""
        async with self._reading:
            before = self._reached
            events, reached = await self._store.ask(lambda connection: _new(connection, before), is_quick=True)
            self._reached = reached
            if events and before is not None:
                self._offer(alerted(before, events))
            return reached

    def _offer(self, frames: list[Frame]) -> None:
        for listener in [*self._listeners]:
            if not listener.offer(frames):
                log.warning("slow client of the alert stream dropped")
                self.leave(listener)


def _new(connection: Connection, before: Vector | None) -> tuple[list[AlertEvent], Vector]:
    now = next_offsets(connection)
    if before is None or now == before:
        return [], now
    return events_between(connection, before, tuple(map(max, before, now)), most=_BATCH)
