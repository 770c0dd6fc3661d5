"""How much one partition may take of the projector before the others have their turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition

from api.projector.broker import PARTITIONS, a_turn
from contracts.topics import ENGINE_ALERTS, VEHICLES


class GreedyConsumer:
    """Gives what came first to its end, as aiokafka's does."""

    def __init__(self, records: dict[TopicPartition, int]) -> None:
        self._left: dict[TopicPartition, Iterator[int]] = {at: iter(range(number)) for at, number in records.items()}

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, list[int]]:
        assert timeout_ms == 0
        drained: dict[TopicPartition, list[int]] = {}
        for at, left in self._left.items():
            if at in partitions and max_records > 0:
                records = [record for _, record in zip(range(max_records), left, strict=False)]
                max_records -= len(records)
                drained |= {at: records} if records else {}
        return drained


@pytest.mark.parametrize("flooded", [TopicPartition(ENGINE_ALERTS.name, 3), TopicPartition(VEHICLES.name, 0)])
async def test_a_flood_in_one_partition_leaves_the_others_their_turn(flooded: TopicPartition) -> None:
    honest = [TopicPartition(ENGINE_ALERTS.name, n) for n in range(12) if n != flooded.partition]
    consumer: Any = GreedyConsumer({flooded: 300_000} | dict.fromkeys(honest, 2))
    first = await a_turn(consumer, PARTITIONS)
    assert {at: len(first[at]) for at in honest} == dict.fromkeys(honest, 2)
    assert len(first[flooded]) <= 2_000
    second = await a_turn(consumer, PARTITIONS)
    assert second[flooded][0] == len(first[flooded])
