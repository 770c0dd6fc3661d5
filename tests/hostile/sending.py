"""Putting records on topics as whoever may write to them can: many at once, as batches of bytes, in transactions."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Final

import raw_batches
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from raw_batches import Codec, Headers

from contracts.reading import READING_SCHEMA
from contracts.topics import VEHICLE_READINGS, Topic

Record = tuple[bytes | None, bytes | None, int, Headers]
"""key, value, partition, headers"""
SCHEMA: Final[Headers] = [("schema", READING_SCHEMA)]
_AT_ONCE: Final = 500


async def send(bootstrap: str, topic: Topic, records: Iterable[Record]) -> None:
    """Send records as fast as the broker takes them, a few hundred under way at once."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="zstd", linger_ms=5, max_batch_size=65_536,
        max_request_size=2 * 1024 * 1024,
    ) as producer:  # fmt: skip
        under_way = []
        for key, value, partition, headers in records:
            under_way.append(
                await producer.send(topic.name, value, key=key, partition=partition, headers=headers or None)
            )
            if len(under_way) >= _AT_ONCE:
                await asyncio.gather(*under_way)
                under_way.clear()
        await asyncio.gather(*under_way)


async def send_readings(bootstrap: str, values: Iterable[bytes], *, vin: str, partition: int) -> None:
    """Send values of one vehicle as readings."""
    await send(bootstrap, VEHICLE_READINGS, ((vin.encode(), value, partition, SCHEMA) for value in values))


async def send_hand_made(
    bootstrap: str, topic: Topic, records: Iterable[tuple[bytes, bytes, Headers]], *, partition: int
) -> None:
    """Send records as one batch whose headers may be named as UTF-8 does not allow."""
    await raw_batches.send_batch(bootstrap, topic.name, records, partition=partition)


async def send_bomb(bootstrap: str, topic: Topic, *, key: str, partition: int, codec: Codec, records: int) -> None:
    """Send a batch that unpacks to `records` times 900 kB; a broker that refuses it has done its part."""
    packed = await asyncio.to_thread(_bomb, records, key.encode(), codec)
    with suppress(KafkaError):
        await raw_batches.send_built(bootstrap, topic.name, packed, records=records, partition=partition)


async def send_empty(bootstrap: str, topic: Topic, *, partition: int, records: int) -> None:
    """Send empty records in one request."""
    built = await asyncio.to_thread(raw_batches.empty_records, records)
    await raw_batches.send_built(bootstrap, topic.name, built, records=records, partition=partition)


@cache
def _bomb(records: int, key: bytes, codec: Codec) -> bytes:
    return raw_batches.bomb(records, key=key, codec=codec)


@asynccontextmanager
async def transaction(bootstrap: str, *, timeout_ms: int) -> AsyncIterator[AIOKafkaProducer]:
    """Begin a transaction; what is still open at the end stays open, as when its producer has lost its network.

    Raises KafkaError where the broker allows no transaction, or none that long.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=f"hostile-{uuid.uuid4().hex[:8]}",
        transaction_timeout_ms=timeout_ms,
    )  # fmt: skip
    await producer.start()
    try:
        await producer.begin_transaction()
        yield producer
    finally:
        producer._closed = True  # stopped as usual, it would abort what is open
        await producer._sender.close()
        await producer.client.close()
