"""What only a few may have at once: who holds much waits behind who holds little, and nobody may wait without bound."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple

from api.errors import TooMany

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOLDER: Final[ContextVar[str]] = ContextVar("holder", default="somebody")
"""Who is counted for the request in hand: a key, or an address where there are no keys."""


class Bounds(NamedTuple):
    """How many questions are answered at once, and how many there are with those that wait: of one holder, in all."""

    at_once: int
    per_holder: int
    in_all: int


class Turns:
    """Questions that wait are answered holder by holder in turn, and those of one holder in their order."""

    def __init__(self, what: str, bounds: Bounds) -> None:
        """Begin with none; `what` names the questions in messages."""
        self._what = what
        self._bounds = bounds
        self._answered = 0
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, holder: str) -> AsyncIterator[None]:
        """Wait for a turn of a key or address, and have it. Raises TooMany."""
        self._refuse_more(holder)
        self._held[holder] += 1
        try:
            await self._begin(holder)
            try:
                yield
            finally:
                self._end()
        finally:
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]

    def _refuse_more(self, holder: str) -> None:
        if self._held[holder] >= self._bounds.per_holder:
            raise TooMany(
                f"{holder} has {self._held[holder]} {self._what} unanswered, which is as many as one may; "
                "ask again in a moment"
            )
        if self._held.total() >= self._bounds.in_all:
            raise TooMany(f"{self._held.total()} {self._what} of others are unanswered; ask again in a moment")

    async def _begin(self, holder: str) -> None:
        if self._answered < self._bounds.at_once:
            self._answered += 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was this one's turn just now
                self._end()
            raise

    def _end(self) -> None:
        """Let the next holder have the turn."""
        while self._waiting:
            holder, mine = self._waiting.popitem(last=False)
            following = mine.popleft()
            if mine:
                self._waiting[holder] = mine  # behind the others
            if not following.done():
                following.set_result(None)
                return
        self._answered -= 1
