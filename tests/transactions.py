"""Transactional producers of tests: some that commit, some that abort, and some that hang."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

Sent = tuple[bytes | None, bytes | None, int]
"""Key, value, partition."""
TIMEOUT_MS = 10_000
"""The longest that our brokers take."""


def transactional(bootstrap: str, *, timeout_ms: int = TIMEOUT_MS) -> AIOKafkaProducer:
    """Make a producer of transactions with an id of its own."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"transaction-{uuid.uuid4().hex[:8]}",
        transaction_timeout_ms=timeout_ms,
        compression_type="zstd",
    )


async def send(producer: AIOKafkaProducer, topic: str, records: Iterable[Sent]) -> None:
    """Send, and wait until the broker has everything."""
    sent = [await producer.send(topic, value, key=key, partition=partition) for key, value, partition in records]
    await asyncio.gather(*sent)


def abort(bootstrap: str, topic: str, records: Iterable[Sent]) -> None:
    """Write a transaction, and abort it."""

    async def written() -> None:
        async with transactional(bootstrap) as producer:
            await producer.begin_transaction()
            await send(producer, topic, records)
            await producer.abort_transaction()

    asyncio.run(written())


def hang(bootstrap: str, topic: str, records: Iterable[Sent]) -> None:
    """Write into a transaction that nobody ends, as a producer does that is killed."""

    async def written() -> None:
        async with transactional(bootstrap) as producer:
            await producer.begin_transaction()
            await send(producer, topic, records)

    asyncio.run(written())
