"""Where the partitions of readings end, looked up anew: what is said of later offsets cannot be true yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from contracts.errors import Unavailable
from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS
from runtime.kafka.consumer import Fetched, kafka_consumer, leave, record_of

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from contracts.record import Record
    from contracts.record_checks import Ends

log = logging.getLogger(__name__)
_PATIENCE_S: Final = 5.0
_RETRY_S: Final = 0.5


class Batch(NamedTuple):
    """What was fetched at once, and the ends of the readings looked up after that."""

    records: list[Record]
    ends: Ends


class ReadingEnds:
    """Asks over a connection of its own, since requests wait behind a fetch at the end of a log."""

    def __init__(self, bootstrap: str, topic: str = VEHICLE_READINGS.name) -> None:
        """Connect to nothing yet."""
        # What stands behind an open transaction is there already, for who reads it or will.
        self._consumer = kafka_consumer(bootstrap, isolation_level="read_uncommitted")
        self._partitions = [TopicPartition(topic, number) for number in range(READING_PARTITIONS)]

    async def start(self) -> None:
        """Connect, however long that takes."""
        while True:
            try:
                await self._consumer.start()
            except KafkaError:
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def stop(self) -> None:
        """Disconnect, also from a broker that does not answer."""
        await leave(self._consumer.stop())

    async def look_up(self) -> Ends:
        """Return each partition's end as it is now. Raises Unavailable if the broker does not tell within 5 s."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                ends = await self._consumer.end_offsets(self._partitions)
        except (TimeoutError, KafkaError, OSError) as error:
            topic = self._partitions[0].topic
            raise Unavailable(f"the broker does not tell where {topic} ends ({error!r}); try again") from error
        return {at.partition: end for at, end in ends.items()}

    async def judgeable(self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, Sequence[Fetched]]) -> Batch:
        """Return what a consumer has fetched, with the ends; where these cannot be told it goes back, with nothing."""
        try:
            ends = await self.look_up()
        except Unavailable as error:
            log.warning("records cannot be judged yet", extra={"reason": str(error)})
            for at, records in fetched.items():
                consumer.seek(at, records[0].offset)
            return Batch([], {})
        return Batch([record_of(one) for records in fetched.values() for one in records], ends)
