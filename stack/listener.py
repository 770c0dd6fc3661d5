"""Reading the cluster from outside: ends of topics, positions of groups, alerts and rejections as they come."""

from __future__ import annotations

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.errors import MalformedRecord
from contracts.record import Record
from contracts.record_checks import Ends, alert_in, rejection_in
from contracts.topics import (
    ENGINE_ALERTS,
    READ_BY,
    REJECTED_READINGS,
    VEHICLE_READINGS,
    Topic,
)
from observability.kafka_security import kafka_client
from runtime.kafka.consumer import kafka_consumer, leave, record_of
from runtime.kafka.passed_over import PassedOver
from stack.heard import Heard


class Listener:
    """A consumer without a group: it commits nothing, so it shows in nobody's lag."""

    def __init__(self, bootstrap: str) -> None:
        """Connect to nothing yet."""
        self.heard = Heard()
        self._passed_over = PassedOver()
        self._consumer = kafka_consumer(bootstrap, auto_offset_reset="earliest")
        self._admin = AIOKafkaAdminClient(**kafka_client(bootstrap))

    async def start(self) -> None:
        """Connect, and begin at the first alert."""
        await self._consumer.start()
        await self._admin.start()
        self._consumer.assign(
            [
                TopicPartition(topic.name, n)
                for topic in (ENGINE_ALERTS, REJECTED_READINGS)
                for n in range(topic.partitions)
            ]
        )

    async def stop(self) -> None:
        """Disconnect."""
        await leave(self._consumer.stop(), self._admin.close())

    async def listen(self) -> Heard:
        """Take what has come until now: everything below the ends as they are when this is called."""
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        while any([await self._consumer.position(part) < end for part, end in ends.items()]):
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=5000)
            if fetched:
                known = {at.partition: end for at, end in (await self.ends(VEHICLE_READINGS)).items()}
                for records in fetched.values():
                    for record in records:
                        self._take(record_of(record), known)
        return self.heard

    async def ends(self, *topics: Topic) -> dict[TopicPartition, int]:
        """Give the end of each partition of these topics."""
        wanted = [TopicPartition(topic.name, n) for topic in topics for n in range(topic.partitions)]
        return dict(await self._consumer.end_offsets(wanted))

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """Give the positions of a consumer group; absent: none yet."""
        told = await self._admin.list_consumer_group_offsets(group)
        return {part: at.offset for part, at in told.items() if at.offset >= 0}

    async def lag(self, group: str) -> int:
        """Give how many records the group has yet to read."""
        done = await self.committed(group)
        return sum(max(0, end - done.get(part, 0)) for part, end in (await self.ends(*READ_BY[group])).items())

    def _take(self, record: Record, ends: Ends) -> None:
        try:
            if record.topic == REJECTED_READINGS.name:
                self.heard.rejection(rejection_in(record, ends))
            else:
                self.heard.alert(alert_in(record, ends), record.at_ms)
        except MalformedRecord as error:
            self._passed_over.tell(record.topic, record.partition, record.offset, error)
