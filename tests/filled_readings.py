"""Readings that stand for those behind a test's alerts and states: what speaks of offsets that nobody gave is a lie."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS

FILLED = 2_000


def fill_readings(bootstrap: str, *, offsets: int = FILLED, topic: str = VEHICLE_READINGS.name) -> None:
    """Let every partition of readings reach `offsets` at least; the records themselves are none."""
    asyncio.run(_fill(bootstrap, offsets, topic))


async def _fill(bootstrap: str, offsets: int, topic: str) -> None:
    partitions = [TopicPartition(topic, number) for number in range(READING_PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        missing = {at: offsets - end for at, end in (await consumer.end_offsets(partitions)).items() if end < offsets}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=1_000_000) as producer:
        for at, number in missing.items():
            batch = producer.create_batch()
            for _ in range(number):
                assert batch.append(key=b"", value=b"{}", timestamp=None) is not None
            await (await producer.send_batch(batch, topic, partition=at.partition))
