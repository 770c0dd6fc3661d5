from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import cast

import numpy as np
import pytest

from contracts.topics import READING_PARTITIONS
from simulator.past.history import History
from simulator.past.parts import PastDays, driven_ahead, parts
from simulator.readings.rows import ReadingRows
from simulator.settings import HistorySettings
from simulator.trips.trip_calendar import calendar
from simulator.vehicles.fleet import fleet

UNTIL_MS = 1_790_000_000_000
CARS = fleet(40, 1)


def test_an_average_history_is_one_part_and_a_long_one_has_whole_partitions_in_each() -> None:
    planned = calendar(40, days=2, until_ms=UNTIL_MS, random=np.random.default_rng(1))
    assert len(parts(planned, CARS.partition, 500_000)) == len(parts(planned, CARS.partition, 0)) == 1
    found = parts(planned, CARS.partition, 4_500_000)
    held = [set(CARS.partition[part.vehicle].tolist()) for part in found]
    assert sorted(number for some in held for number in some) == sorted(set(CARS.partition.tolist()))
    assert sum(map(len, found)) == len(planned)
    assert len(held) == 3
    assert len(parts(planned, CARS.partition, 10**9)) == READING_PARTITIONS


def test_days_in_parts_are_the_same_bytes_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.past.parts._PART_READINGS", 2_000)
    settings = HistorySettings(vehicles=10, days=0.5, limit=5_000, fault_rate=5)

    async def written() -> tuple[int, list[bytes]]:
        days = PastDays(settings, fleet(10, 1), until_ms=UNTIL_MS)
        histories = [history async for history in driven_ahead(days, lambda _: None)]
        return len(days), [line for each in histories for line in ReadingRows(4096).encode(each.columns)]

    first, second = asyncio.run(written()), asyncio.run(written())
    assert first == second
    assert first[0] > 1
    assert len(first[1]) > 1_000


class Days:
    """Three parts that note how far they are driven."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def __len__(self) -> int:
        return 3

    def drive(self, part: int, on_progress: Callable[[float], object]) -> History:
        self.begun.append(part)
        on_progress(1.0)
        return cast("History", part)


def test_one_part_is_driven_ahead_and_no_more() -> None:
    async def taken() -> tuple[list[object], list[list[int]], list[float]]:
        days, shares, seen, given = Days(), list[float](), list[list[int]](), list[object]()
        async for history in driven_ahead(cast("PastDays", days), shares.append):
            given.append(history)
            await asyncio.sleep(0.05)
            seen.append(list(days.begun))
        return given, seen, shares

    given, seen, shares = asyncio.run(taken())
    assert given == [0, 1, 2]
    assert all(len(begun) <= number + 2 for number, begun in enumerate(seen))
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def test_whoever_takes_no_more_parts_does_not_wait_for_those_that_are_driven() -> None:
    class Endless(Days):
        def drive(self, part: int, on_progress: Callable[[float], object]) -> History:
            while part:
                on_progress(0.5)
            return cast("History", part)

    async def left() -> None:
        async with aclosing(driven_ahead(cast("PastDays", Endless()), lambda _: None)) as histories:
            async for _ in histories:
                break

    asyncio.run(asyncio.wait_for(left(), 20))
