"""Records of a topic by their place or time: one consumer without a group, shared by all in turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from api.turns import Bounds, Turns
from contracts.errors import Unavailable
from runtime.kafka.consumer import kafka_consumer, leave, record_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import AIOKafkaConsumer

    from contracts.record import Record

T = TypeVar("T")
_PATIENCE_S: Final = 8.0
_AT_ONCE: Final = 5_000
BOUNDS: Final = Bounds(at_once=1, per_holder=8, in_all=64)


class TopicReader:
    """Connects when it is first asked, and anew after a failure."""

    def __init__(self, bootstrap: str, *, patience_s: float = _PATIENCE_S) -> None:
        """Prepare; nothing is connected yet. A question waits and is answered within `patience_s`."""
        self._bootstrap = bootstrap
        self._patience_s = patience_s
        self._turns = Turns("questions for Kafka's records", BOUNDS)
        self._consumer: AIOKafkaConsumer | None = None

    async def within(  # noqa: PLR0913 - a place, a time and a key, and who asks
        self, topic: str, partition: int, *, from_ms: int, until_ms: int, key: bytes, most: int, holder: str
    ) -> list[Record] | None:
        """Give a key's records of a time (the broker's, from_ms <= t <= until_ms), None when they have expired.

        At most `most` records of the partition are looked at, those around the middle of the time where there are more.
        `holder` is the key or address that asks. Raises Unavailable, and TooMany when too many of its questions wait.
        """
        return await self._asked(
            holder, lambda consumer: _within(consumer, topic, partition, from_ms, until_ms, key, most)
        )

    async def at(self, topic: str, partition: int, offset: int, *, holder: str) -> Record | None:
        """Give the record at an offset, None when there is none (any more). Raises Unavailable and TooMany."""
        return await self._asked(holder, lambda consumer: _at(consumer, TopicPartition(topic, partition), offset))

    async def newest(
        self, topic: str, partition: int, *, from_ms: int, key: bytes, most: int, holder: str
    ) -> list[Record]:
        """Give a key's records from a time on, oldest first, among the partition's last `most`.

        Raises Unavailable and TooMany.
        """
        return await self._asked(
            holder, lambda consumer: _newest(consumer, TopicPartition(topic, partition), from_ms, key, most)
        )

    async def _asked(self, holder: str, ask: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        """Ask in turn. The time limit counts from here, waiting included."""
        try:
            async with asyncio.timeout(self._patience_s):
                async with self._turns.turn(holder):
                    return await self._answered(ask)
        except (TimeoutError, KafkaError, OSError) as error:
            raise Unavailable(f"Kafka at {self._bootstrap} does not answer ({error!r}); try again") from error

    async def _answered(self, ask: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        """Ask; a consumer that failed or was interrupted midway is not used again."""
        try:
            return await ask(await self._connected())
        except (asyncio.CancelledError, TimeoutError, KafkaError, OSError):
            await self._leave()
            raise

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
            await leave(consumer.stop(), within_s=1)

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
    first = max(found.offset, await _offset_at(consumer, place, (from_ms + until_ms) // 2) - most // 2)
    records = await _read(consumer, place, first, most, key=key, until_ms=until_ms)
    return [record for record in records if from_ms <= record.at_ms <= until_ms]


async def _offset_at(consumer: AIOKafkaConsumer, place: TopicPartition, at_ms: int) -> int:
    """Return the offset of the first record from a time on, the end where there is none."""
    found = (await consumer.offsets_for_times({place: at_ms}))[place]
    return int((await consumer.end_offsets([place]))[place] if found is None else found.offset)


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
    return await _read(consumer, place, max(found.offset, end - most), most, key=key)


async def _read(
    consumer: AIOKafkaConsumer,
    place: TopicPartition,
    offset: int,
    most: int,
    *,
    key: bytes | None = None,
    until_ms: int | None = None,
) -> list[Record]:
    """Give the records (of a key) from an offset on, up to the end as it is now, a time, or a number looked at."""
    end = (await consumer.end_offsets([place]))[place]
    consumer.seek(place, offset)
    records: list[Record] = []
    looked_at = 0
    while looked_at < most and await consumer.position(place) < end:
        fetched = await consumer.getmany(place, timeout_ms=500, max_records=min(_AT_ONCE, most - looked_at))
        chunk = [record_of(one) for one in fetched.get(place, ())]
        looked_at += len(chunk)
        records += [record for record in chunk if key is None or record.key == key]
        if until_ms is not None and chunk and chunk[-1].at_ms > until_ms:
            break
    return records
