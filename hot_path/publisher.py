"""The edge to Kafka: what the hot path writes, each record acknowledged by all in-sync replicas."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer

from contracts.codec import encode
from contracts.topics import LARGEST_RECORD_BYTES
from observability.kafka_security import kafka_client

if TYPE_CHECKING:
    from contracts.alert import Alert
    from hot_path.rejecting import RejectedRecord
    from hot_path.settings import HotPathSettings

LARGEST_BATCH_BYTES = 512 * 1024
Sent = asyncio.Future[Any]
"""Becomes an aiokafka RecordMetadata once the broker has the record."""


class Publisher:
    """Sends in order; each method returns once the records are queued, with futures of their acknowledgement.

    States have a connection of their own: one request at a time is under way on each, and no alert shall wait for a
    megabyte of states.
    """

    def __init__(self, settings: HotPathSettings) -> None:
        """Connect nothing yet."""
        self._settings = settings
        self._alerts: AIOKafkaProducer | None = None
        self._states: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect."""
        self._alerts = await self._started()
        self._states = await self._started()

    async def _started(self) -> AIOKafkaProducer:
        """Make a producer: zstd, as aiokafka's lz4 has a fixed slow level."""
        producer = AIOKafkaProducer(
            **kafka_client(self._settings.bootstrap),
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=LARGEST_BATCH_BYTES,
            max_request_size=LARGEST_RECORD_BYTES,
        )
        await producer.start()
        return producer

    async def stop(self) -> None:
        """Send what is queued and disconnect."""
        for producer in (self._alerts, self._states):
            if producer is not None:
                await producer.stop()

    async def alert(self, alert: Alert, *, partition: int) -> Sent:
        """Send one alert; readings and alerts of a vehicle have the same partition."""
        topic, key = self._settings.alerts_topic, alert.vehicle_id.encode()
        sent: Sent = await _connected(self._alerts).send(topic, encode(alert), key=key, partition=partition)
        return sent

    async def reject(self, rejected: RejectedRecord) -> Sent:
        """Send one rejected record."""
        topic = self._settings.rejected_topic
        sent: Sent = await _connected(self._alerts).send(
            topic, rejected.value, key=rejected.key, headers=rejected.headers
        )
        return sent

    async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Sent]:
        """Send states or a mark to their partition, in as few batches as they fit."""
        producer, topic = _connected(self._states), self._settings.states_topic
        sent: list[Sent] = []
        batch = producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        return sent


def _connected(producer: AIOKafkaProducer | None) -> AIOKafkaProducer:
    assert producer is not None, "start() comes first"  # noqa: S101 - a defect, not an input
    return producer
