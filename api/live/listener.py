"""One client of a stream: what waits for it is bounded, and who takes too long is dropped rather than waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from api.live.frame import Frame, Wish

MOST_WAITING: Final = 256
"""Batches of frames that may wait for a client."""


class Listener:
    """A client's queue."""

    def __init__(self, wish: Wish, *, most_waiting: int = MOST_WAITING) -> None:
        """Begin with nothing waiting."""
        self._wish = wish
        self._waiting: asyncio.Queue[Sequence[Frame]] = asyncio.Queue(most_waiting)
        self._over = asyncio.Event()
        self.missed: Sequence[Frame] = ()
        """What comes before everything that waits."""

    def offer(self, frames: Sequence[Frame]) -> bool:
        """Let frames wait for the client; False when too many do, which ends it."""
        try:
            self._waiting.put_nowait(frames)
        except asyncio.QueueFull:
            self.end()
            return False
        return True

    def end(self) -> None:
        """Send nothing more."""
        self._over.set()
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(())

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give what to send, until the end."""
        frames = self.missed
        self.missed = ()
        while not self._over.is_set():
            if wanted := b"".join(self._wish.told(frame) for frame in frames if self._wish.holds(frame)):
                yield wanted
            frames = await self._waiting.get()
