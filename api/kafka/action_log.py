"""Where actions go first: the topic alert-actions, so that a store that is built anew has them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from contracts.codec import encode
from contracts.errors import Unavailable
from contracts.topics import ALERT_ACTIONS
from observability.kafka_security import kafka_client

if TYPE_CHECKING:
    from contracts.alert import AlertAction

_PATIENCE_S: Final = 5.0


class ActionLog(Protocol):
    """What the routes need of it."""

    async def write(self, action: AlertAction) -> None:
        """Return when the action will not be lost. Raises Unavailable."""

    async def close(self) -> None:
        """Let go of what is held."""


class KafkaActionLog:
    """Writes to Kafka; connects at the first action, and anew after a failure."""

    def __init__(self, bootstrap: str) -> None:
        """Prepare; nothing is connected yet."""
        self._bootstrap = bootstrap
        self._lock = asyncio.Lock()
        self._producer: AIOKafkaProducer | None = None

    async def write(self, action: AlertAction) -> None:
        """Return when every replica in sync has the action. Raises Unavailable after 5 seconds."""
        key = f"{action.alert_id}:{action.action_id}".encode()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                producer = await self._connected()
                await producer.send_and_wait(ALERT_ACTIONS.name, encode(action), key)
        except (TimeoutError, KafkaError, OSError) as error:
            await self.close()
            message = f"Kafka at {self._bootstrap} does not take the action ({error!r})"
            raise Unavailable(f"{message}; send it again with action_id {action.action_id!r}") from error

    async def _connected(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **kafka_client(self._bootstrap), client_id="api", acks="all", enable_idempotence=True
                )
                try:
                    await producer.start()
                except BaseException:
                    await _left(producer)
                    raise
                self._producer = producer
            return self._producer

    async def close(self) -> None:
        """Leave Kafka; the next action connects anew."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _left(producer)


async def _left(producer: AIOKafkaProducer) -> None:
    # Without a broker stop() may wait for ever for what was never sent.
    await asyncio.wait({asyncio.ensure_future(producer.stop())}, timeout=1)
