"""Event to alert, broker time to broker time: readings at a steady rate, alerts read back from their topic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from _fleet import Fleet, Sent
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.alert import Alert
from contracts.codec import decode
from contracts.reading import READING_SCHEMA
from contracts.topics import READING_PARTITIONS

TICKS_A_SECOND = 100
CODE_HELD_S = 4
"""Two seconds of a trouble code raise an alert; then the next one comes."""
SHARE_IN_AN_EPISODE = 0.02
"""More than the 0.5 % that throughput is measured with, so that there are alerts enough for a high percentile."""


async def drive(bootstrap: str, topic: str, *, rate: int, seconds: int) -> float:
    """Send `rate` readings a second, one a car; give the share of the rate that was reached."""
    fleet = Fleet(rate, share=SHARE_IN_AN_EPISODE, start_ms=_now_ms(), code_held_s=CODE_HELD_S)
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="zstd", max_batch_size=256 * 1024
    ) as producer:
        began = time.monotonic()
        for tick in range(seconds * TICKS_A_SECOND):
            second, shift = divmod(tick, TICKS_A_SECOND)
            await _send(producer, topic, list(fleet.second(second, shift=shift, step=TICKS_A_SECOND)))
            await asyncio.sleep(max(0, began + (tick + 1) / TICKS_A_SECOND - time.monotonic()))
        took_s = time.monotonic() - began
        await producer.flush()
    return seconds / took_s


async def _send(producer: AIOKafkaProducer, topic: str, readings: list[Sent]) -> None:
    batches = {partition: producer.create_batch() for partition in {each.partition for each in readings}}
    for partition, key, value in readings:
        batches[partition].append(key=key, value=value, timestamp=None, headers=[("schema", READING_SCHEMA)])
    for partition, batch in batches.items():
        await producer.send_batch(batch, topic, partition=partition)


async def latencies_ms(bootstrap: str, topic: str, *, from_ms: int) -> list[int]:
    """Give the latency of every alert whose reading was received after `from_ms`, sorted."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        partitions = [TopicPartition(topic, number) for number in range(READING_PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[int] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for record in [each for some in (await consumer.getmany(timeout_ms=500)).values() for each in some]:
                    alert = decode(record.value, Alert)
                    if alert.received_at_ms > from_ms and alert.offset:
                        found.append(max(0, record.timestamp - alert.received_at_ms))
    return sorted(found)


def percentile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else -1


def _now_ms() -> int:
    return int(time.time() * 1000)  # noqa: TID251
