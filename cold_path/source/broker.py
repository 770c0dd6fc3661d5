"""The Kafka broker as the cold path sees it beside Spark: bounds of topics, raw records, the group's offsets.

Only committed records are seen, as Spark sees them (`lake.ingest`).
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from cold_path.source.offsets import Bounds
from contracts.errors import InvalidInput, Unavailable
from runtime.kafka.consumer import kafka_consumer, record_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiokafka import AIOKafkaConsumer

    from cold_path.source.offsets import Offsets
    from contracts.record import Record

_BETWEEN_TRIES_S: Final = 0.5
_BETWEEN_LOOKS_S: Final = 0.05
_TOPIC_LIMIT_S: Final = 10
_REQUEST_LIMIT_S: Final = 30
_FETCH_BYTES: Final = 4 * 1024 * 1024
_FETCH_WAIT_MS: Final = 10
"""Short, since other requests of a connection wait behind a fetch at the end of the log."""


async def bounds(bootstrap: str, topic: str, *, wait_s: float) -> Bounds:
    """Return the topic's bounds. Raises Unavailable without a broker, InvalidInput without the topic."""
    # First, so that what is written meanwhile is not taken for a transaction. A consumer has one isolation level.
    async with _consumer(bootstrap, wait_s, isolation="read_uncommitted") as consumer:
        high_watermarks = await consumer.end_offsets(await _subscribed(consumer, topic))
    async with _consumer(bootstrap, wait_s) as consumer:
        partitions = await _subscribed(consumer, topic)
        beginnings = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
    held = {at: offset for at, offset in high_watermarks.items() if ends[at] < offset}
    return Bounds(_by_partition(beginnings), _by_partition(ends), _by_partition(held))


async def records(bootstrap: str, topic: str, ends: Offsets, *, wait_s: float) -> AsyncIterator[Record]:
    """Give every committed record below `ends`, from the beginning, each partition in offset order.

    Raises Unavailable when nothing comes any more before the ends are reached: they lie above an open transaction.
    """
    async with _consumer(bootstrap, wait_s) as consumer:
        open_ends = {TopicPartition(topic, partition): end for partition, end in ends.items() if end > 0}
        consumer.assign(list(open_ends))
        await consumer.seek_to_beginning(*open_ends)
        loop = asyncio.get_running_loop()
        positions, moved_s = dict.fromkeys(open_ends, 0), loop.time()
        while open_ends:
            for chunk in (await consumer.getmany(timeout_ms=200, max_records=10_000)).values():
                for record in chunk:
                    if record.offset < ends[record.partition]:
                        yield record_of(record)
            # Positions, not the last records' offsets: holes may stand before the end.
            before, positions = positions, {at: await consumer.position(at) for at in open_ends}
            if positions != before:
                moved_s = loop.time()
            elif loop.time() - moved_s > _REQUEST_LIMIT_S:
                raise _standing(positions)
            reached = [at for at, end in open_ends.items() if positions[at] >= end]
            consumer.pause(*reached)
            for at in reached:
                del open_ends[at]


async def commit(bootstrap: str, group: str, topic: str, offsets: Mapping[int, int], *, wait_s: float) -> None:
    """Set the group's offsets, for people and tools to see; nothing in the project reads them."""
    positions = {TopicPartition(topic, partition): offset for partition, offset in offsets.items()}
    async with _consumer(bootstrap, wait_s, group) as consumer:
        consumer.assign(list(positions))
        await consumer.commit(positions)


def _standing(positions: Mapping[TopicPartition, int]) -> Unavailable:
    at, position = min(positions.items())
    return Unavailable(
        f"the broker gave no record of {at.topic}, partition {at.partition}, from offset {position} on within "
        f"{_REQUEST_LIMIT_S} s, though it has some; is a transaction open there (`kafka-transactions.sh find-hanging`)?"
    )


async def _subscribed(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    await _await_topic(consumer, topic)
    consumer.subscribe([topic])
    return [TopicPartition(topic, number) for number in await _partitions(consumer, topic)]


def _by_partition(offsets: Mapping[TopicPartition, int]) -> Offsets:
    return {at.partition: offset for at, offset in sorted(offsets.items())}


async def _await_topic(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Wait a little: who starts a broker creates the topics a moment later."""
    for _ in range(int(_TOPIC_LIMIT_S / _BETWEEN_TRIES_S)):
        if topic in await consumer.topics():
            return
        await asyncio.sleep(_BETWEEN_TRIES_S)
    raise InvalidInput(f"the broker has no topic {topic}; create the project's topics with `stack topics`")


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    for _ in range(int(_REQUEST_LIMIT_S / _BETWEEN_LOOKS_S)):
        if partitions := consumer.partitions_for_topic(topic):
            return set(partitions)
        await asyncio.sleep(_BETWEEN_LOOKS_S)
    raise Unavailable(f"the broker did not tell the partitions of topic {topic} within {_REQUEST_LIMIT_S} s")


@asynccontextmanager
async def _consumer(
    bootstrap: str, wait_s: float, group: str | None = None, *, isolation: str = "read_committed"
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = kafka_consumer(
        bootstrap,
        group_id=group,
        isolation_level=isolation,
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        request_timeout_ms=_REQUEST_LIMIT_S * 1000,
    )
    try:
        await _started(consumer, bootstrap, wait_s)
        yield consumer
    except KafkaError as error:
        raise Unavailable(f"the Kafka broker at {bootstrap} failed: {error!r}") from error
    finally:
        await consumer.stop()


async def _started(consumer: AIOKafkaConsumer, bootstrap: str, wait_s: float) -> None:
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            await consumer.start()
        except KafkaConnectionError as error:
            if asyncio.get_running_loop().time() >= deadline:
                message = (
                    f"no Kafka broker answers at {bootstrap} within {wait_s:g} s; "
                    "start one with `stack broker`, or give its address with --bootstrap"
                )
                raise Unavailable(message) from error
        else:
            return
        await asyncio.sleep(_BETWEEN_TRIES_S)
