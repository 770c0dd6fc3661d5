"""One client of a stream: what waits for it is bounded, and who takes too long is dropped rather than waited for."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from contracts.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence

    from api.live.frame import Frame, Wish

log = logging.getLogger(__name__)

MOST_WAITING: Final = 256
"""Batches of frames that may wait for a client."""
MOST_WAITING_BYTES: Final = 1024 * 1024
"""What these batches may hold together; the frames are the same for all clients, so all together hold little more."""
CHUNK_BYTES: Final = 32 * 1024
"""What is sent at once, unless one frame is longer: the client has taken it before the next is made."""


class Listener:
    """A client's queue."""

    def __init__(
        self, wish: Wish, *, most_waiting: int = MOST_WAITING, sees_places: Callable[[], bool] = lambda: True
    ) -> None:
        """Begin with nothing waiting; `sees_places` is asked for every chunk, as rights change."""
        self._wish = wish
        self._sees_places = sees_places
        self._waiting: asyncio.Queue[Sequence[Frame]] = asyncio.Queue(most_waiting)
        self._waiting_bytes = 0
        self._over = asyncio.Event()
        self.is_live = True
        """Whether what comes is offered to it; not while it is still told what it missed."""
        self.missed: AsyncIterator[Sequence[Frame]] | None = None
        """What comes before everything that waits, in pages that are made when the one before was taken."""

    def offer(self, frames: Sequence[Frame]) -> bool:
        """Let frames wait for the client; False when too many do, which ends it."""
        self._waiting_bytes += _size(frames)
        if self._waiting.full() or (self._waiting_bytes > MOST_WAITING_BYTES and not self._waiting.empty()):
            self.end()
            return False
        self._waiting.put_nowait(frames)
        return True

    def end(self) -> None:
        """Send nothing more."""
        self._over.set()
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(())

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give what to send, until the end, or until the store does not tell what was missed."""
        try:
            if self.missed is not None:
                async for page in self.missed:
                    for chunk in self._told(page):
                        yield chunk
                    if self._over.is_set():
                        return
        except (Unavailable, DBAPIError) as error:
            log.warning("alert stream broken, as the store does not answer", extra={"reason": str(error)})
            return
        while not self._over.is_set():
            frames = await self._waiting.get()
            self._waiting_bytes -= _size(frames)
            for chunk in self._told(frames):
                yield chunk

    def _told(self, frames: Sequence[Frame]) -> Iterator[bytes]:
        """Give the wanted ones of frames in pieces of about CHUNK_BYTES, unless the end has come."""
        piece: list[bytes] = []
        size = 0
        for frame in frames:
            if self._over.is_set():
                return
            if not self._wish.holds(frame):
                continue
            text = frame.text_for(sees_places=self._sees_places())
            if piece and size + len(text) > CHUNK_BYTES:
                yield b"".join(piece)
                piece, size = [], 0
            piece.append(text)
            size += len(text)
        if piece and not self._over.is_set():
            yield b"".join(piece)


def _size(frames: Sequence[Frame]) -> int:
    return sum(len(frame.text) for frame in frames)
