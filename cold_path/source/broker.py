"""The Kafka broker as the cold path sees it beside Spark: bounds of topics, raw records, the group's offsets.

Only committed records are seen. Readings come in the chunks in which the hot path gets them, so that both judge every
record batch alike, also one that is refused as a whole.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from cold_path.source.offsets import Bounds
from contracts.errors import InvalidInput, Unavailable
from contracts.record import Record
from runtime.kafka.chunk import RefusedBatch
from runtime.kafka.chunk_fetch import Chunking
from runtime.kafka.consumer import kafka_consumer, record_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiokafka import AIOKafkaConsumer

    from cold_path.source.offsets import Offsets
    from runtime.kafka.chunk import Chunk

_BETWEEN_TRIES_S: Final = 0.5
_BETWEEN_LOOKS_S: Final = 0.05
_TOPIC_LIMIT_S: Final = 10
_REQUEST_LIMIT_S: Final = 30
_FETCH_BYTES: Final = 4 * 1024 * 1024
_FETCH_WAIT_MS: Final = 10
"""Short, since other requests of a connection wait behind a fetch at the end of the log."""
_CHUNK_READINGS: Final = 32_768
"""Record batches up to this size are not cut, and are unpacked only when their records are asked for."""


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
    """Yield every committed record below `ends`, from the beginning, each partition in offset order.

    Record batches that cannot be read are passed over. Raises Unavailable, as `_fetched` does.
    """
    async with _consumer(bootstrap, wait_s) as consumer:
        open_ends = {TopicPartition(topic, partition): end for partition, end in ends.items() if end > 0}
        consumer.assign(list(open_ends))
        await consumer.seek_to_beginning(*open_ends)
        async for record in _fetched(consumer, open_ends, at_once=10_000):
            if record.offset < ends[record.partition]:
                yield record_of(record)


async def chunks(
    bootstrap: str, topic: str, starts: Offsets, ends: Offsets, *, wait_s: float, isolation: str = "read_committed"
) -> AsyncIterator[Chunk]:
    """Yield what is committed from `starts` on, as the hot path reads it, until all that lies below `ends` is there.

    The last chunk of a partition may reach beyond its end. Raises Unavailable, as `_fetched` does, and also when a
    start has expired.
    """
    async with _consumer(bootstrap, wait_s, isolation=isolation, chunked=topic) as consumer:
        spans = {TopicPartition(topic, number): (starts.get(number, 0), end) for number, end in ends.items()}
        open_ends = {at: end for at, (start, end) in spans.items() if start < end}
        consumer.assign(list(open_ends))
        for at in open_ends:
            consumer.seek(at, spans[at][0])
        # One at a time: a chunk that is cut out of a large record batch is made when it is asked for.
        async for chunk in _fetched(consumer, open_ends, at_once=1):
            yield chunk


async def readings(bootstrap: str, topic: str, ends: Offsets, *, wait_s: float) -> AsyncIterator[Record]:
    """Yield every committed record of readings below `ends`, from the beginning, each partition in offset order.

    A record batch that is refused as a whole is one record without a value, as which both paths judge it. Raises
    Unavailable, as `_fetched` does.
    """
    async for chunk in chunks(bootstrap, topic, {}, ends, wait_s=wait_s):
        at = chunk.partition
        for batch in chunk.batches:
            for one in batch.records:
                if one.offset < ends[at]:
                    value = None if isinstance(one, RefusedBatch) else one.value
                    headers = [(name, content or b"") for name, content in one.headers]
                    yield Record(topic, at, one.offset, batch.received_at_ms, one.key, value, headers)


async def _fetched(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], *, at_once: int
) -> AsyncIterator[Any]:
    """Yield what a consumer fetches until it has reached the ends, or more.

    Raises Unavailable when nothing comes any more before that: the ends lie above an open transaction.
    """
    open_ends = dict(ends)
    loop = asyncio.get_running_loop()
    positions, waited_s = dict.fromkeys(open_ends, 0), 0.0
    while open_ends:
        asked_s = loop.time()
        fetched = await consumer.getmany(timeout_ms=200, max_records=at_once)
        waited_s += loop.time() - asked_s
        for some in fetched.values():
            for one in some:
                yield one
        # Positions, not the last records' offsets: holes may stand before the end.
        before, positions = positions, {at: await consumer.position(at) for at in open_ends}
        if positions != before:
            waited_s = 0.0
        elif waited_s > _REQUEST_LIMIT_S:
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
    bootstrap: str,
    wait_s: float,
    group: str | None = None,
    *,
    isolation: str = "read_committed",
    chunked: str | None = None,
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = kafka_consumer(
        bootstrap,
        group_id=group,
        chunking=None if chunked is None else Chunking(frozenset([chunked]), readings=_CHUNK_READINGS),
        # From an offset that has expired a consumer would jump to the end.
        auto_offset_reset="latest" if chunked is None else "none",
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
