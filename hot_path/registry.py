"""The vehicle registry as the hot path keeps it: topic `vehicles`, read to its end at start, then followed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

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
RECORDS_A_STEP: Final = 200
"""As many are taken before readings have a turn: a few milliseconds."""
MOST_VEHICLES: Final = 500_000
"""Vehicles that are remembered, of which each takes about a kilobyte."""


class Registry:
    """The newest registry record of each vehicle. A plain consumer without a group: every worker reads all of it."""

    def __init__(self, settings: HotPathSettings) -> None:
        """Start empty."""
        self.vehicles: dict[str, Vehicle] = {}
        self._topic = settings.vehicles_topic
        self._bootstrap = settings.bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self._passed_over = PassedOver()
        self._is_full_told = False

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
            # A fetch may have millions of records: they are taken a few at a time, between those who fold.
            changes = await self._consumer.getmany(timeout_ms=1_000, max_records=RECORDS_A_STEP)
            for fetched in changes.values():
                for record in fetched:
                    self._put(record_of(record))
            await asyncio.sleep(0)

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
        elif vehicle.vehicle_id in self.vehicles or len(self.vehicles) < MOST_VEHICLES:
            self.vehicles[vehicle.vehicle_id] = vehicle
        elif not self._is_full_told:
            self._is_full_told = True
            log.warning("registry is full, further vehicles are not known", extra={"vehicles": MOST_VEHICLES})
