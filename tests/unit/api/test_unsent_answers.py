from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from api.errors import TooMany
from api.lengthy import LONG_BYTES
from api.turns import HOLDER
from api.unsent import BoundedUnsent, UnsentAnswers

LONG = 2 * LONG_BYTES


def long_one() -> bytes:
    return bytes(bytearray(LONG))  # another object each time


def test_so_many_bytes_of_one_are_held_and_others_have_their_own() -> None:
    unsent = UnsentAnswers(most_bytes=2 * LONG)
    with unsent.held("ann", long_one()), unsent.held("ann", long_one()):
        with (
            pytest.raises(TooMany, match=f"{2 * LONG} bytes of answers to ann .* {3 * LONG}, of at most {2 * LONG}"),
            unsent.held("ann", long_one()),
        ):
            pass
        with unsent.held("ann", b"short"), unsent.held("bob", long_one()):
            pass
    with unsent.held("ann", long_one()):
        pass
    assert not unsent._bytes
    assert not unsent._requests


def test_an_answer_that_several_requests_share_counts_once() -> None:
    unsent, shared = UnsentAnswers(most_bytes=2 * LONG), long_one()
    with unsent.held("ann", shared):
        with unsent.held("ann", shared), unsent.held("ann", shared), unsent.held("ann", long_one()):
            pass
        with (
            unsent.held("ann", long_one()),
            unsent.held("ann", shared),
            pytest.raises(TooMany),
            unsent.held("ann", long_one()),
        ):
            pass


def test_what_is_longer_than_all_that_may_be_unsent_is_sent_alone() -> None:
    unsent = UnsentAnswers(most_bytes=LONG)
    with unsent.held("ann", bytes(3 * LONG)), pytest.raises(TooMany), unsent.held("ann", long_one()):
        pass


class Sending:
    """Requests of an application whose answers are taken when the test says so."""

    def __init__(self, answer: Callable[[], bytes], *, most_bytes: int) -> None:
        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            body = answer()
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        self._app = BoundedUnsent(app, unsent=UnsentAnswers(most_bytes=most_bytes))
        self.taken = asyncio.Event()
        self.statuses: list[int] = []

    async def ask(self, holder: str) -> None:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])
            elif len(message["body"]) > LONG_BYTES:
                await self.taken.wait()

        HOLDER.set(holder)
        await self._app({"type": "http", "path": "/v1/attention"}, None, send)  # type: ignore[arg-type]


async def test_beyond_the_bound_answers_are_429_until_one_is_taken() -> None:
    sending = Sending(long_one, most_bytes=2 * LONG)
    async with asyncio.TaskGroup() as asked:
        for holder in ("ann", "ann", "ann", "bob"):
            asked.create_task(sending.ask(holder))
        await asyncio.sleep(0)
        assert sending.statuses == [200, 200, 429, 200]
        sending.taken.set()
    await sending.ask("ann")
    assert sending.statuses[-1] == 200


async def test_short_answers_are_sent_however_many_are_not_taken() -> None:
    sending = Sending(lambda: b"x" * LONG_BYTES, most_bytes=1)
    for _ in range(10):
        await sending.ask("ann")
    assert sending.statuses == [200] * 10


async def test_who_leaves_is_counted_no_longer() -> None:
    sending = Sending(long_one, most_bytes=LONG)
    leaving = asyncio.create_task(sending.ask("ann"))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    sending.taken.set()
    await sending.ask("ann")
    assert sending.statuses == [200, 200]
