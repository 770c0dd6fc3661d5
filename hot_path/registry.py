"""The vehicle registry as the hot path keeps it: topic `vehicles`, read to its end at start, then followed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from contracts.errors import MalformedRecord
from contracts.record_checks import vehicle_id_of, vehicle_in
from contracts.topics import VEHICLES
from runtime.kafka.consumer import kafka_consumer, leave, record_of, records_to_end
from runtime.kafka.passed_over import PassedOver

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from contracts.record import Record
    from contracts.vehicle import Vehicle
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
        self._passed_over = PassedOver()

    async def read_to_end(self) -> None:
        """Connect, and read what is there."""
        consumer = self._consumer = kafka_consumer(self._bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        partitions = [TopicPartition(self._topic, number) for number in range(VEHICLES.partitions)]
        async for record in records_to_end(consumer, partitions):
            self._put(record)
        log.info("vehicle registry read", extra={"vehicles": len(self.vehicles)})

    async def follow(self) -> None:
        """Take changes as they come, until cancelled; `read_to_end` comes first."""
        while self._consumer is not None:
            for fetched in (await self._consumer.getmany(timeout_ms=1_000)).values():
                for record in fetched:
                    self._put(record_of(record))

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await leave(self._consumer.stop())

    def _put(self, record: Record) -> None:
        try:
            vehicle = vehicle_in(record)
        except MalformedRecord as error:
            self._passed_over.tell(record.topic, record.partition, record.offset, error)
            return
        if vehicle is None:
            self.vehicles.pop(vehicle_id_of(record), None)
        else:
            self.vehicles[vehicle.vehicle_id] = vehicle
