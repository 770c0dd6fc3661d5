from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from driving import REGISTERED, START_MS
from msgspec.structs import replace

from contracts.codec import encode
from contracts.topics import VEHICLES
from hot_path import registry as kept
from hot_path.registry import RECORDS_A_STEP, Registry
from hot_path.settings import HotPathSettings

HOME = TopicPartition(VEHICLES.name, 0)


def _fetched(number: int) -> Any:
    vehicle = replace(REGISTERED, vehicle_id=f"1HGCM82633D{number:06}")
    key, value = vehicle.vehicle_id.encode(), encode(vehicle)
    return SimpleNamespace(
        topic=HOME.topic, partition=0, offset=number, timestamp=START_MS, key=key, value=value, headers=()
    )


class Consumer:
    """Has a fetch of many records, and gives as many as it is asked for."""

    def __init__(self, records: int) -> None:
        self._left = [_fetched(number) for number in range(records)]
        self.is_empty = asyncio.Event()

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        assert timeout_ms
        if not self._left:
            self.is_empty.set()
            await asyncio.Event().wait()
        given, self._left = self._left[:max_records], self._left[max_records:]
        return {HOME: given}


async def _followed(registry: Registry, records: int) -> list[int]:
    """Follow a registry to its end; return how many vehicles it knew each time that somebody else had a turn."""
    consumer = Consumer(records)
    registry._consumer = consumer
    following = asyncio.ensure_future(registry.follow())
    seen: list[int] = []
    while not consumer.is_empty.is_set():
        seen.append(len(registry.vehicles))
        await asyncio.sleep(0)
    following.cancel()
    return seen


async def test_a_fetch_of_very_many_changes_is_taken_a_few_at_a_time() -> None:
    seen = await _followed(Registry(HotPathSettings()), 5 * RECORDS_A_STEP)
    assert {RECORDS_A_STEP * steps for steps in range(1, 6)} <= set(seen)


async def test_a_registry_that_is_full_keeps_whom_it_knows_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kept, "MOST_VEHICLES", 3)
    registry = Registry(HotPathSettings())
    with caplog.at_level(logging.WARNING):
        await _followed(registry, 9)
        await _followed(registry, 2)
    assert sorted(registry.vehicles) == [f"1HGCM82633D{number:06}" for number in range(3)]
    assert [record.message for record in caplog.records] == ["registry is full, further vehicles are not known"]
