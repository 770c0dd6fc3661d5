"""Questions that take long are answered a few at a time, so that all others find threads and processors."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from fastapi import Depends, Request

from api.routes.parameters import holder_of
from api.turns import Bounds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BOUNDS: Final = Bounds(at_once=4, per_holder=32, in_all=256)
"""Far fewer at once than there are threads, which are 40."""


@asynccontextmanager
async def turn_of(request: Request, *, is_quick: bool = False) -> AsyncIterator[None]:
    """Wait for a turn and have it, unless the question is quick. Raises TooMany."""
    if is_quick:
        yield
        return
    async with request.app.state.costly.turn(holder_of(request)):
        yield


async def _turn(request: Request) -> AsyncIterator[None]:
    async with turn_of(request):
        yield


COSTLY: Final = Depends(_turn, scope="function")  # it ends before the answer is sent, however slowly that is read
"""What a route depends on whose every answer takes long."""
