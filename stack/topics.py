"""Creating the project's topics on a broker, with their settings; an existing one is checked, never changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Literal, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from contracts.errors import InvalidInput, Unavailable
from contracts.topics import TOPICS, Topic
from observability.kafka_security import kafka_client

Outcome = Literal["created", "exists"]
_LARGE_CLUSTER = 3
_TIME_SETTING = "message.timestamp.type"


class Ensured(NamedTuple):
    """A topic that is there now, and whether it was before."""

    topic: Topic
    outcome: Outcome


async def ensure_topics(bootstrap: str, topics: Iterable[Topic] = TOPICS, *, wait_s: float = 15.0) -> list[Ensured]:
    """Create what is missing, in the given order; replication 3 where there are three brokers.

    Raises Unavailable when no broker answers within `wait_s`; InvalidInput when a topic exists with another number of
    partitions, or without the broker's time.
    """
    admin = await _connected(bootstrap, wait_s)
    try:
        return await _ensure(admin, tuple(topics))
    finally:
        await admin.close()


async def _connected(bootstrap: str, wait_s: float) -> AIOKafkaAdminClient:
    until = asyncio.get_running_loop().time() + wait_s
    while True:
        admin = AIOKafkaAdminClient(**kafka_client(bootstrap))
        try:
            await admin.start()
        except KafkaError as error:
            await admin.close()
            if asyncio.get_running_loop().time() > until:
                raise Unavailable(
                    f"no Kafka broker answers at {bootstrap} within {wait_s:g} s; start one with `stack broker`, "
                    "or name another with --bootstrap"
                ) from error
            await asyncio.sleep(0.25)
        else:
            return admin


async def _ensure(admin: AIOKafkaAdminClient, topics: tuple[Topic, ...]) -> list[Ensured]:
    brokers = len((await admin.describe_cluster())["brokers"])
    replication = _LARGE_CLUSTER if brokers >= _LARGE_CLUSTER else 1
    answer = await admin.create_topics([_new(topic, replication) for topic in topics])
    outcomes = {error[0]: _outcome(error[0], error[1], error[2] or "") for error in answer.topic_errors}
    await _check(admin, [topic for topic in topics if outcomes[topic.name] == "exists"])
    await _wait_for_leaders(admin, topics)
    return [Ensured(topic, outcomes[topic.name]) for topic in topics]


def _new(topic: Topic, replication: int) -> NewTopic:
    settings = topic.broker_settings(replication=replication)
    return NewTopic(topic.name, topic.partitions, replication, topic_configs=settings)


def _outcome(name: str, code: int, message: str) -> Outcome:
    if code == 0:
        return "created"
    if code == TopicAlreadyExistsError.errno:
        return "exists"
    raise Unavailable(f"topic {name} cannot be created: {message or f'error {code}'}")


async def _check(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    found = {told["topic"]: len(told["partitions"]) for told in await admin.describe_topics([t.name for t in topics])}
    times = await _times(admin, topics)
    for topic in topics:
        if found[topic.name] != topic.partitions:
            raise InvalidInput(
                f"topic {topic.name} has {found[topic.name]} partitions where {topic.partitions} are needed: "
                "delete it, or use another broker"
            )
        if times.get(topic.name) != "LogAppendTime":
            raise InvalidInput(
                f"topic {topic.name} has {_TIME_SETTING}={times.get(topic.name)}, not LogAppendTime: alter it with "
                f"`kafka-configs.sh --alter --topic {topic.name} --add-config {_TIME_SETTING}=LogAppendTime`"
            )


async def _times(admin: AIOKafkaAdminClient, topics: list[Topic]) -> dict[str, str]:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic.name, configs={_TIME_SETTING: None}) for topic in topics]
    answers = await admin.describe_configs(wanted)
    return {told[3]: setting[1] for answer in answers for told in answer.resources for setting in told[4]}


async def _wait_for_leaders(admin: AIOKafkaAdminClient, topics: tuple[Topic, ...]) -> None:
    for _ in range(100):
        told = await admin.describe_topics([topic.name for topic in topics])
        if all(topic["partitions"] and all(part["leader"] >= 0 for part in topic["partitions"]) for topic in told):
            return
        await asyncio.sleep(0.1)
    raise Unavailable("the topics have no leaders after 10 s; see the broker's log")
