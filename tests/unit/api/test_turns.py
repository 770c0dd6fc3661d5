from __future__ import annotations

import asyncio

import pytest

from api.errors import TooMany
from api.turns import Bounds, Turns


class Asked:
    """Questions that are answered when the test says so; `begun` tells whose turn it was."""

    def __init__(self, bounds: Bounds) -> None:
        self.turns = Turns("questions", bounds)
        self.begun: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._answers: list[asyncio.Event] = []

    async def ask(self, *holders: str) -> None:
        self.tasks += [asyncio.create_task(self._ask(holder)) for holder in holders]
        await settled()

    async def _ask(self, holder: str) -> None:
        async with self.turns.turn(holder):
            self.begun.append(holder)
            self._answers.append(answer := asyncio.Event())
            await answer.wait()

    async def answer(self) -> None:
        self._answers.pop(0).set()
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_holders_have_their_turns_one_after_another() -> None:
    asked = Asked(Bounds(at_once=1, per_holder=9, in_all=99))
    await asked.ask("a", "a", "a", "a", "b", "b", "c")
    for _ in range(7):
        await asked.answer()
    assert asked.begun == ["a", "a", "b", "c", "a", "b", "a"]


async def test_beyond_its_bound_one_is_refused_and_others_are_not() -> None:
    asked = Asked(Bounds(at_once=2, per_holder=3, in_all=5))
    await asked.ask("a", "a", "a")
    with pytest.raises(TooMany, match="a has 3 questions"):
        async with asked.turns.turn("a"):
            pass
    await asked.ask("b", "c")
    with pytest.raises(TooMany, match="5 questions of others"):
        async with asked.turns.turn("d"):
            pass
    for _ in range(5):
        await asked.answer()
    await asyncio.gather(*asked.tasks)
    await asked.ask("a", "d")
    assert asked.begun[-2:] == ["a", "d"]


async def test_who_gives_up_takes_no_turn_and_keeps_none() -> None:
    asked = Asked(Bounds(at_once=1, per_holder=9, in_all=99))
    await asked.ask("a", "b", "c")
    asked.tasks[1].cancel()
    await settled()
    await asked.answer()
    assert asked.begun == ["a", "c"]
    await asked.ask("d")
    asked.tasks[2].cancel()  # while it has the turn
    await settled()
    assert asked.begun == ["a", "c", "d"]


async def test_who_gives_up_just_when_its_turn_comes_hands_it_on() -> None:
    asked = Asked(Bounds(at_once=1, per_holder=9, in_all=99))
    await asked.ask("a", "b", "c")
    asked._answers.pop(0).set()
    await asyncio.sleep(0)  # a's question has ended
    asked.tasks[1].cancel()
    await settled()
    assert asked.begun[-1] == "c"
