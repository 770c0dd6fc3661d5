"""The edge to Kafka: what the hot path writes, each record acknowledged by all in-sync replicas."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer

from contracts.codec import encode
from contracts.topics import LARGEST_RECORD_BYTES

if TYPE_CHECKING:
    from contracts.alert import Alert
    from hot_path.decision import RejectedRecord
    from hot_path.settings import HotPathSettings

LARGEST_BATCH_BYTES = 512 * 1024
Sent = asyncio.Future[Any]
"""Becomes an aiokafka RecordMetadata once the broker has the record."""


class Publisher:
    """Sends in order; each method returns once the records are queued, with futures of their acknowledgement."""

    def __init__(self, settings: HotPathSettings) -> None:
        """Connect nothing yet. zstd, as aiokafka's lz4 has a fixed slow level."""
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=LARGEST_BATCH_BYTES,
            max_request_size=LARGEST_RECORD_BYTES,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Send what is queued and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    @property
    def _connected(self) -> AIOKafkaProducer:
        assert self._producer is not None, "start() comes first"  # noqa: S101 - a defect, not an input
        return self._producer

    async def alert(self, alert: Alert, *, partition: int) -> Sent:
        """Send one alert; readings and alerts of a vehicle have the same partition."""
        topic, key = self._settings.alerts_topic, alert.vehicle_id.encode()
        sent: Sent = await self._connected.send(topic, encode(alert), key=key, partition=partition)
        return sent

    async def reject(self, rejected: RejectedRecord) -> Sent:
        """Send one rejected record."""
        topic = self._settings.rejected_topic
        sent: Sent = await self._connected.send(topic, rejected.value, key=rejected.key, headers=rejected.headers)
        return sent

    async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Sent]:
        """Send states or a mark to their partition, in as few batches as they fit."""
        producer, topic = self._connected, self._settings.states_topic
        sent: list[Sent] = []
        batch = producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        return sent
