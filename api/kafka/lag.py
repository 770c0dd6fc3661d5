"""How far each consumer group is behind, asked of Kafka: bounded in time, and remembered for a moment.

Behind what it may read: records that an open transaction holds up are nobody's lag.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from api.answers.pipeline import GroupLag, Lag, TopicLag
from api.kafka.workers import workers
from contracts.topics import READ_BY
from observability.kafka_security import kafka_client
from runtime.kafka.consumer import kafka_consumer, leave

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import AIOKafkaConsumer

_PARTITIONS: Final = {
    group: [TopicPartition(topic.name, n) for topic in topics for n in range(topic.partitions)]
    for group, topics in READ_BY.items()
}
_EVERY: Final = sorted({at for partitions in _PARTITIONS.values() for at in partitions})
_REMEMBERED_S: Final = 2.0
_PATIENCE_S: Final = 2.0


class LagWatch:
    """Asks Kafka at most every two seconds, however many ask it."""

    def __init__(self, bootstrap: str) -> None:
        """Prepare; Kafka is first asked when somebody wants to know."""
        self._bootstrap = bootstrap
        self._lock = asyncio.Lock()
        self._clients: tuple[AIOKafkaAdminClient, AIOKafkaConsumer] | None = None
        self._answer: Lag | None = None
        self._asked_s = float("-inf")

    async def current(self) -> Lag:
        """Give the lag; says `unavailable` rather than let anyone wait for a broker that is away."""
        async with self._lock:
            now_s = asyncio.get_running_loop().time()
            if self._answer is None or now_s - self._asked_s > _REMEMBERED_S:
                self._answer = await self._ask()
                self._asked_s = asyncio.get_running_loop().time()
            return self._answer

    async def _ask(self) -> Lag:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._measured()
        except (TimeoutError, KafkaError, OSError) as error:
            await self.close()
            detail = f"Kafka at {self._bootstrap} does not answer: {error!r}"
            return Lag(status="unavailable", detail=detail)

    async def _measured(self) -> Lag:
        admin, consumer = await self._connected()
        ends = await consumer.end_offsets(_EVERY)
        members = await workers(admin, list(_PARTITIONS))
        groups = []
        for group, partitions in _PARTITIONS.items():
            committed = await admin.list_consumer_group_offsets(group, partitions=partitions)
            read = {at: max(0, entry.offset) for at, entry in committed.items()}
            lag = group_lag(group, {at: max(0, ends[at] - read.get(at, 0)) for at in partitions})
            groups.append(lag.model_copy(update={"workers": members[group]}))
        return Lag(status="available", groups=groups)

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._clients is None:
            admin = AIOKafkaAdminClient(**kafka_client(self._bootstrap), client_id="api")
            consumer = kafka_consumer(self._bootstrap, client_id="api")
            self._clients = admin, consumer
            await admin.start()
            await consumer.start()
        return self._clients

    async def close(self) -> None:
        """Leave Kafka; the next question connects anew."""
        if self._clients is None:
            return
        admin, consumer = self._clients
        self._clients = None
        await leave(admin.close(), consumer.stop(), within_s=_PATIENCE_S)


def group_lag(group: str, behind: Mapping[TopicPartition, int]) -> GroupLag:
    """Sum up a group's lag by topic."""
    by_topic: dict[str, dict[int, int]] = defaultdict(dict)
    for (topic, partition), lag in behind.items():
        by_topic[topic][partition] = lag
    topics = [TopicLag(topic=topic, lag=sum(lags.values()), by_partition=lags) for topic, lags in by_topic.items()]
    return GroupLag(group=group, lag=sum(topic.lag for topic in topics), topics=topics)
