"""What the hot path asks the broker when states are restored: the topic's ends and id, and older records."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from contracts.errors import Unavailable
from hot_path.restoration import OlderRecords
from observability.kafka_security import kafka_client
from runtime.kafka.consumer import kafka_consumer, leave, records_to_end
from runtime.kafka.reading_ends import ReadingEnds
from runtime.kafka.topic_ids import topic_id

if TYPE_CHECKING:
    from collections.abc import Collection

    from contracts.record_checks import Ends
    from hot_path.settings import HotPathSettings
    from rules.written import Written

log = logging.getLogger(__name__)
_RETRY_S = 0.5


class ReadingsNow(NamedTuple):
    """The topic of readings as it is now."""

    ends: Ends
    topic_id: str | None


class Lookups:
    """Each question has a connection of its own: they are asked once an assignment."""

    def __init__(self, settings: HotPathSettings) -> None:
        """Connect nothing yet."""
        self._settings = settings

    async def readings(self) -> ReadingsNow:
        """Return where the topic of readings ends now, and its id; waits for a broker that is away."""
        while True:
            try:
                return ReadingsNow(await self._ends(), await self._topic_id())
            except (KafkaError, Unavailable) as error:
                log.warning("states cannot be judged yet", extra={"reason": str(error)})
                await asyncio.sleep(_RETRY_S)

    async def _ends(self) -> Ends:
        ends = ReadingEnds(self._settings.bootstrap, self._settings.readings_topic)
        try:
            await ends.start()
            return await ends.look_up()
        finally:
            await ends.stop()

    async def _topic_id(self) -> str | None:
        admin = AIOKafkaAdminClient(**kafka_client(self._settings.bootstrap))
        try:
            await admin.start()
            return await topic_id(admin, self._settings.readings_topic)
        finally:
            await leave(admin.close())

    async def older(self, partition: int, keys: Collection[bytes], readings: ReadingsNow) -> dict[bytes, Written]:
        """Read a partition of states again, and return what is believed of `keys`. Raises KafkaError."""
        older = OlderRecords(keys, readings.ends, readings.topic_id)
        consumer = kafka_consumer(self._settings.bootstrap)
        try:
            await consumer.start()
            async for record in records_to_end(consumer, [TopicPartition(self._settings.states_topic, partition)]):
                older.take(record)
        finally:
            await leave(consumer.stop())
        return older.believed()
