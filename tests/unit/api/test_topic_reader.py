from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from api.errors import TooMany
from api.kafka import reader as kafka_reader
from api.kafka.reader import BOUNDS, TopicReader
from contracts.errors import Unavailable

LONG_S = 600.0
RECORDS = 1_000


class Kafka:
    """A partition with a record each second, for two cars in turn; stalls until it is told to go on."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.started = self.stopped = self.served = 0
        self._position = 0

    async def start(self) -> None:
        self.started += 1

    async def stop(self) -> None:
        self.stopped += 1

    def assign(self, _: object) -> None: ...

    def seek(self, _: object, offset: int) -> None:
        self._position = offset

    async def position(self, _: object) -> int:
        return self._position

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        await self.goes_on.wait()
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, RECORDS)

    async def offsets_for_times(self, times: dict[TopicPartition, int]) -> dict[TopicPartition, Any]:
        first = {place: -(-at_ms // 1_000) for place, at_ms in times.items()}
        return {
            place: SimpleNamespace(offset=offset, timestamp=offset * 1_000) if offset < RECORDS else None
            for place, offset in first.items()
        }

    async def getmany(self, place: TopicPartition, *, timeout_ms: int, max_records: int) -> dict[Any, Any]:
        del timeout_ms
        first, last = self._position, min(RECORDS, self._position + max_records)
        self._position, self.served = last, self.served + last - first
        return {place: [_record(place, offset) for offset in range(first, last)]}


def _record(place: TopicPartition, offset: int) -> SimpleNamespace:
    key = b"car" if offset % 2 == 0 else b"other"
    return SimpleNamespace(
        topic=place.topic, partition=place.partition, offset=offset, timestamp=offset * 1_000, key=key, value=b"{}",
        headers=(),
    )  # fmt: skip


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    found = Kafka()
    monkeypatch.setattr(kafka_reader, "kafka_consumer", lambda *_, **__: found)
    return found


async def asked(
    reader: TopicReader, *, from_ms: int = 0, until_ms: int = 999_000, most: int = RECORDS, holder: str = "one"
) -> list[int]:
    records = await reader.within(
        "readings", 0, from_ms=from_ms, until_ms=until_ms, key=b"car", most=most, holder=holder
    )
    return [record.offset for record in records or ()]


async def test_beyond_the_most_that_wait_one_is_told_to_ask_again(kafka: Kafka) -> None:
    reader = TopicReader("broker", patience_s=LONG_S)
    answers = [asyncio.create_task(asked(reader)) for _ in range(BOUNDS.per_holder)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany, match="ask again"):
        await asked(reader)
    kafka.goes_on.set()
    assert all(len(answer) == RECORDS / 2 for answer in await asyncio.gather(*answers))
    assert len(await asked(reader)) == RECORDS / 2
    assert kafka.started == 1


async def test_who_asks_for_much_makes_nobody_else_wait_for_all_of_it(kafka: Kafka) -> None:
    reader = TopicReader("broker", patience_s=LONG_S)
    ended: list[str] = []

    async def ask(holder: str) -> None:
        await asked(reader, holder=holder)
        ended.append(holder)

    asking = [asyncio.create_task(ask("greedy")) for _ in range(BOUNDS.per_holder)]
    await asyncio.sleep(0)
    asking.append(asyncio.create_task(ask("modest")))
    await asyncio.sleep(0)
    kafka.goes_on.set()
    await asyncio.gather(*asking)
    assert ended.index("modest") <= 2


async def test_who_waits_for_others_waits_no_longer_than_the_limit(kafka: Kafka) -> None:
    reader = TopicReader("broker", patience_s=0.05)
    async with reader._turns.turn("another"):  # another question that does not end
        with pytest.raises(Unavailable):
            await asked(reader)
    assert (kafka.started, kafka.stopped) == (0, 0)  # the other's consumer is left alone


async def test_after_a_question_that_was_not_answered_the_next_one_is(kafka: Kafka) -> None:
    reader = TopicReader("broker", patience_s=0.05)
    with pytest.raises(Unavailable):
        await asked(reader)
    assert (kafka.started, kafka.stopped) == (1, 1)
    kafka.goes_on.set()
    reader = TopicReader("broker", patience_s=LONG_S)
    assert len(await asked(reader)) == RECORDS / 2


async def test_where_there_are_too_many_records_those_around_the_middle_are_looked_at(kafka: Kafka) -> None:
    kafka.goes_on.set()
    reader = TopicReader("broker", patience_s=LONG_S)
    found = await asked(reader, from_ms=100_000, until_ms=900_000, most=20)
    assert found == list(range(490, 510, 2))
    assert kafka.served == 20
    assert await asked(reader, from_ms=100_000, until_ms=110_000) == [100, 102, 104, 106, 108, 110]
