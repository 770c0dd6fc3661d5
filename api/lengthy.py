"""Work on whole answers: a short one where it stands, a long one in a thread, so that the event loop goes on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LONG_BYTES: Final = 64 * 1024
"""What is longer takes milliseconds to read, to write or to pack."""
_THREADS: Final = 2
"""Of their own, so that no question waits for a thread that packs."""
_MOST_KEPT_BYTES: Final = 16 * 1024 * 1024

_threads: RunVar[CapacityLimiter] = RunVar("threads for whole answers")


async def worked(work: Callable[[bytes], T], body: bytes) -> T:
    """Return what `work` makes of an answer's bytes."""
    return work(body) if len(body) <= LONG_BYTES else await to_thread.run_sync(work, body, limiter=_limiter())


def _limiter() -> CapacityLimiter:
    found = _threads.get(None)
    if found is None:
        _threads.set(found := CapacityLimiter(_THREADS))
    return found


class WorkedOnce:
    """What long answers were made into last: the work is done once, however many ask for the same answer."""

    def __init__(self, work: Callable[[bytes], bytes], *, most_bytes: int = _MOST_KEPT_BYTES) -> None:
        """Keep answers of so many bytes together, and what became of them."""
        self._work = work
        self._most_bytes = most_bytes
        self._bytes = 0
        self._begun: OrderedDict[bytes, asyncio.Future[bytes]] = OrderedDict()

    async def of(self, body: bytes) -> bytes:
        """Return what the work makes of an answer."""
        if len(body) <= LONG_BYTES:
            return self._work(body)
        if body not in self._begun:
            self._begin(body)
        self._begun.move_to_end(body)
        result = self._begun[body]
        try:
            return await asyncio.shield(result)
        except BaseException:
            if self._begun.get(body) is result:
                self._forget(body)
            raise

    def _begin(self, body: bytes) -> None:
        self._begun[body] = asyncio.ensure_future(worked(self._work, body))
        self._bytes += len(body)
        while self._bytes > self._most_bytes and len(self._begun) > 1:
            self._forget(next(iter(self._begun)))

    def _forget(self, body: bytes) -> None:
        del self._begun[body]
        self._bytes -= len(body)
