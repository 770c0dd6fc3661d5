from __future__ import annotations

import asyncio
import threading

from api.lengthy import LONG_BYTES, worked
from api.turns import HOLDER


async def test_a_long_answer_of_one_key_is_not_behind_all_those_of_another() -> None:
    begun: list[str] = []
    may_go_on = threading.Semaphore(0)

    def work(body: bytes) -> None:
        begun.append(body[:6].decode())
        may_go_on.acquire()

    async def asked(holder: str) -> None:
        HOLDER.set(holder)
        await worked(work, holder.encode() + bytes(LONG_BYTES))

    greedy = [asyncio.create_task(asked("greedy")) for _ in range(20)]
    await asyncio.sleep(0.05)
    modest = asyncio.create_task(asked("modest"))
    await asyncio.sleep(0.05)
    may_go_on.release(21)
    await asyncio.gather(*greedy, modest)
    assert begun.index("modest") <= 3
    assert len(begun) == 21
