"""The vehicle registry as the hot path keeps it: topic `vehicles`, read to its end at start, then followed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.codec import decode
from contracts.errors import MalformedRecord
from contracts.topics import VEHICLES
from contracts.vehicle import Vehicle
from observability.kafka_security import kafka_client

if TYPE_CHECKING:
    from hot_path.settings import HotPathSettings

log = logging.getLogger(__name__)


class Registry:
    """The newest registry record of each vehicle. A plain consumer without a group: every worker reads all of it."""

    def __init__(self, settings: HotPathSettings) -> None:
        """Start empty."""
        self.vehicles: dict[str, Vehicle] = {}
        self._topic = settings.vehicles_topic
        self._bootstrap = settings.bootstrap
        self._consumer: AIOKafkaConsumer | None = None

    async def read_to_end(self) -> None:
        """Connect, and read what is there."""
        consumer = self._consumer = AIOKafkaConsumer(
            **kafka_client(self._bootstrap), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        partitions = [TopicPartition(self._topic, number) for number in range(VEHICLES.partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                await self._take(consumer, timeout_ms=500)
        log.info("vehicle registry read", extra={"vehicles": len(self.vehicles)})

    async def follow(self) -> None:
        """Take changes as they come, until cancelled; `read_to_end` comes first."""
        while self._consumer is not None:
            await self._take(self._consumer, timeout_ms=1_000)

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _take(self, consumer: AIOKafkaConsumer, *, timeout_ms: int) -> None:
        for records in (await consumer.getmany(timeout_ms=timeout_ms)).values():
            for record in records:
                self._put(record.key, record.value)

    def _put(self, key: bytes | None, value: bytes | None) -> None:
        if value is None:
            self.vehicles.pop((key or b"").decode(errors="replace"), None)
            return
        try:
            vehicle = decode(value, Vehicle)
        except MalformedRecord as error:
            log.warning("registry record ignored", extra={"problem": str(error)})
            return
        self.vehicles[vehicle.vehicle_id] = vehicle
