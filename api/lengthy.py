"""Work on whole answers: a short one where it stands, a long one in a thread, so that the event loop goes on.

Whoever asks for many long answers waits for them behind whoever asks for few.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

from anyio import to_thread
from anyio.lowlevel import RunVar

from api.turns import HOLDER, Bounds, Turns

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LONG_BYTES: Final = 64 * 1024
"""What is longer takes milliseconds to read, to write or to pack."""
_BOUNDS: Final = Bounds(at_once=2, per_holder=sys.maxsize, in_all=sys.maxsize)
"""Few at once, so that questions find threads and processors; connections bound how many there are."""
_MOST_KEPT_BYTES: Final = 16 * 1024 * 1024

_turns: RunVar[Turns] = RunVar("turns at whole answers")


async def worked(work: Callable[[bytes], T], body: bytes) -> T:
    """Return what `work` makes of an answer's bytes."""
    if len(body) <= LONG_BYTES:
        return work(body)
    async with _turns_here().turn(HOLDER.get()):
        return await to_thread.run_sync(work, body)


def _turns_here() -> Turns:
    found = _turns.get(None)
    if found is None:
        _turns.set(found := Turns("long answers", _BOUNDS))
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
