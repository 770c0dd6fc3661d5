"""Records of a topic by their place or time: one consumer without a group, shared by all who ask, one at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from contracts.errors import Unavailable
from runtime.kafka.consumer import kafka_consumer, record_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import AIOKafkaConsumer

    from contracts.record import Record

T = TypeVar("T")
_PATIENCE_S: Final = 8.0
_AT_ONCE: Final = 5_000


class TopicReader:
    """Connects when it is first asked, and anew after a failure."""

    def __init__(self, bootstrap: str) -> None:
        """Prepare; nothing is connected yet."""
        self._bootstrap = bootstrap
        self._lock = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None

    async def within(
        self, topic: str, partition: int, *, from_ms: int, until_ms: int, key: bytes, most: int
    ) -> list[Record] | None:
        """Give a key's records of a time (the broker's, from_ms <= t <= until_ms), None when they have expired.

        At most `most` records of the partition are looked at. Raises Unavailable.
        """
        return await self._asked(lambda consumer: _within(consumer, topic, partition, from_ms, until_ms, key, most))

    async def at(self, topic: str, partition: int, offset: int) -> Record | None:
        """Give the record at an offset, None when there is none (any more). Raises Unavailable."""
        return await self._asked(lambda consumer: _at(consumer, TopicPartition(topic, partition), offset))

    async def newest(self, topic: str, partition: int, *, from_ms: int, key: bytes, most: int) -> list[Record]:
        """Give a key's records from a time on, oldest first, among the partition's last `most`. Raises Unavailable."""
        return await self._asked(
            lambda consumer: _newest(consumer, TopicPartition(topic, partition), from_ms, key, most)
        )

    async def _asked(self, ask: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        async with self._lock:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    return await ask(await self._connected())
            except (TimeoutError, KafkaError, OSError) as error:
                await self._leave()
                raise Unavailable(f"Kafka at {self._bootstrap} does not answer ({error!r}); try again") from error

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = kafka_consumer(
                self._bootstrap, client_id="api", auto_offset_reset="earliest", fetch_max_wait_ms=20
            )
            await self._consumer.start()
        return self._consumer

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await asyncio.wait({asyncio.ensure_future(consumer.stop())}, timeout=1)

    async def close(self) -> None:
        """Leave Kafka."""
        await self._leave()


async def _within(  # noqa: PLR0913, PLR0917 - a place, a time and a key
    consumer: AIOKafkaConsumer, topic: str, partition: int, from_ms: int, until_ms: int, key: bytes, most: int
) -> list[Record] | None:
    place = TopicPartition(topic, partition)
    consumer.assign([place])
    found = (await consumer.offsets_for_times({place: from_ms}))[place]
    beginning = (await consumer.beginning_offsets([place]))[place]
    if found is None:
        return None
    if found.offset <= beginning and beginning > 0 and found.timestamp > from_ms:
        return None  # its beginning is gone
    records = await _read(consumer, place, found.offset, most, until_ms=until_ms)
    return [record for record in records if record.key == key and from_ms <= record.at_ms <= until_ms]


async def _at(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> Record | None:
    consumer.assign([place])
    beginning = (await consumer.beginning_offsets([place]))[place]
    end = (await consumer.end_offsets([place]))[place]
    if not beginning <= offset < end:
        return None
    records = await _read(consumer, place, offset, 1)
    return records[0] if records and records[0].offset == offset else None


async def _newest(
    consumer: AIOKafkaConsumer, place: TopicPartition, from_ms: int, key: bytes, most: int
) -> list[Record]:
    consumer.assign([place])
    found = (await consumer.offsets_for_times({place: from_ms}))[place]
    if found is None:
        return []
    end = (await consumer.end_offsets([place]))[place]
    records = await _read(consumer, place, max(found.offset, end - most), most)
    return [record for record in records if record.key == key]


async def _read(
    consumer: AIOKafkaConsumer, place: TopicPartition, offset: int, most: int, *, until_ms: int | None = None
) -> list[Record]:
    """Give the records from an offset on, up to the end as it is now, a time, or a number."""
    end = (await consumer.end_offsets([place]))[place]
    consumer.seek(place, offset)
    records: list[Record] = []
    while len(records) < most and await consumer.position(place) < end:
        fetched = await consumer.getmany(place, timeout_ms=500, max_records=min(_AT_ONCE, most - len(records)))
        chunk = [record_of(one) for one in fetched.get(place, ())]
        records += chunk
        if until_ms is not None and chunk and chunk[-1].at_ms > until_ms:
            break
    return records
