"""Waiting for what comes true by itself, instead of sleeping: `from eventually import eventually`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, within_s: float = 10.0, every_s: float = 0.05) -> T:
    """Ask `probe` until it gives something true, and give that; fail with the last value it gave.

    An AssertionError or OSError of the probe counts as not yet.
    """
    until = time.monotonic() + within_s
    while True:
        value, trouble = _asked(probe)
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(_told(within_s, value, trouble)) from trouble
        time.sleep(every_s)


async def eventually_async(probe: Callable[[], Awaitable[T]], *, within_s: float = 10.0, every_s: float = 0.05) -> T:
    """As `eventually`, for a probe that is awaited."""
    until = time.monotonic() + within_s
    while True:
        value: T | None = None
        trouble: Exception | None = None
        try:
            value = await probe()
        except (AssertionError, OSError) as error:
            trouble = error
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(_told(within_s, value, trouble)) from trouble
        await asyncio.sleep(every_s)


def _asked(probe: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return probe(), None
    except (AssertionError, OSError) as error:
        return None, error


def _told(within_s: float, value: object, trouble: Exception | None) -> str:
    last = f"the last trouble: {trouble!r}" if trouble else f"the last value: {value!r}"
    return f"not within {within_s:g} s; {last}"
