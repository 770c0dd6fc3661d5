"""Waiting until everything that was produced has reached every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiokafka.errors import KafkaError

from contracts.topics import COLD_PATH_GROUP, HOT_PATH_GROUP, SERVING_GROUP
from stack.doors import Doors
from stack.listener import Listener

_WITHIN_S: Final = 180.0
_LOOK_S: Final = 0.5
_IN_ORDER: Final = {HOT_PATH_GROUP: "the hot path", COLD_PATH_GROUP: "the cold path", SERVING_GROUP: "the projector"}
"""The projector reads what the other two write."""


async def drained(listener: Listener, doors: Doors, *, say: Callable[[str], None]) -> list[str]:
    """Wait until no group lags and the API serves the newest version; say what was not to be had in time."""
    awaited = ""
    try:
        async with asyncio.timeout(_WITHIN_S):
            for group, reader in _IN_ORDER.items():
                awaited = f"{reader} has read everything"
                say(f"waiting until {awaited}")
                await _without_lag(listener, group)
            awaited = "the newest batch views are served"
            say(f"waiting until {awaited}")
            await _newest_served(doors)
    except TimeoutError:
        return [f"waited {_WITHIN_S:g} s in vain until {awaited}"]
    return []


async def _without_lag(listener: Listener, group: str) -> None:
    while True:
        with suppress(KafkaError):
            if await listener.lag(group) == 0:
                return
        await asyncio.sleep(_LOOK_S)


async def _newest_served(doors: Doors) -> None:
    while True:
        views = await doors.get("/v1/views")
        if views and views["served"] is not None and views["served"] == views["published"]:
            return
        await asyncio.sleep(_LOOK_S)
