from __future__ import annotations

import asyncio

import pytest

from api.single_flight import SingleFlight


class Slow:
    """A computation that ends when it is told to, and gives how often it began."""

    def __init__(self) -> None:
        self.begun = 0
        self.going_on = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.going_on.wait()
        return number


async def test_all_who_ask_meanwhile_share_the_computation_that_begins_next() -> None:
    slow = Slow()
    flight = SingleFlight(slow)
    first = asyncio.create_task(flight.result())
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(flight.result()) for _ in range(50)]
    await asyncio.sleep(0.01)
    slow.going_on.set()
    assert await first == 1
    assert await asyncio.gather(*others) == [2] * 50
    assert slow.begun == 2
    assert await flight.result() == 3


async def test_who_leaves_takes_the_computation_from_nobody() -> None:
    slow = Slow()
    flight = SingleFlight(slow)
    leaving, staying = (asyncio.create_task(flight.result()) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    slow.going_on.set()
    assert await staying == 1
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_failure_is_everybodys_and_the_next_computation_is_tried() -> None:
    outcomes = iter([ValueError("away"), None])

    async def sometimes() -> str:
        if (error := next(outcomes)) is not None:
            raise error
        return "there"

    flight = SingleFlight(sometimes)
    told = await asyncio.gather(flight.result(), flight.result(), return_exceptions=True)
    assert [type(one) for one in told] == [ValueError, ValueError]
    assert await flight.result() == "there"
