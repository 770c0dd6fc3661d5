"""Records that the API writes to Kafka: acknowledged by every replica in sync, or refused within seconds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from contracts.errors import Unavailable
from observability.kafka_security import kafka_client
from runtime.kafka.consumer import leave

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.headers import Headers

_PATIENCE_S: Final = 5.0


class Outgoing(NamedTuple):
    """One record; `partition` None lets the key choose, as Java's clients do."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int | None = None
    headers: Headers = []  # noqa: RUF012 - never changed


class KafkaWriter:
    """Connects at the first record, and anew after a failure."""

    def __init__(self, bootstrap: str) -> None:
        """Prepare; nothing is connected yet."""
        self._bootstrap = bootstrap
        self._lock = asyncio.Lock()
        self._producer: AIOKafkaProducer | None = None

    async def write(self, records: Sequence[Outgoing]) -> None:
        """Return when every replica in sync has all of them, in their order. Raises Unavailable after 5 seconds."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                producer = await self._connected()
                sent = [
                    await producer.send(one.topic, one.value, one.key, partition=one.partition, headers=one.headers)
                    for one in records
                ]
                await asyncio.gather(*sent)
        except (TimeoutError, KafkaError, OSError) as error:
            await self.close()
            raise Unavailable(f"Kafka at {self._bootstrap} does not take records ({error!r})") from error

    async def _connected(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **kafka_client(self._bootstrap), client_id="api", acks="all", enable_idempotence=True
                )
                try:
                    await producer.start()
                except BaseException:
                    await leave(producer.stop(), within_s=1)
                    raise
                self._producer = producer
            return self._producer

    async def close(self) -> None:
        """Leave Kafka; the next record connects anew."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await leave(producer.stop(), within_s=1)
