from __future__ import annotations

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.errors import InvalidInput, Unavailable
from contracts.topics import TOPICS, Topic
from stack.broker import Broker, BrokerFiles
from stack.ports import free_port
from stack.topics import ensure_topics


async def test_every_topic_is_created_once_and_found_the_second_time(fresh_broker: Broker) -> None:
    assert [(e.topic.name, e.outcome) for e in await ensure_topics(fresh_broker.bootstrap)] == [
        (topic.name, "exists") for topic in TOPICS
    ]


async def test_an_existing_topic_with_other_partitions_is_refused_with_the_remedy(broker: Broker) -> None:
    await _create(broker, NewTopic("wrong-partitions", 2, 1, topic_configs={"message.timestamp.type": "LogAppendTime"}))
    with pytest.raises(InvalidInput, match="has 2 partitions where 3 are needed"):
        await ensure_topics(broker.bootstrap, [Topic("wrong-partitions", "", "", 3)])


async def test_an_existing_topic_with_the_producers_time_is_refused_with_the_remedy(broker: Broker) -> None:
    await _create(broker, NewTopic("wrong-time", 1, 1))
    with pytest.raises(InvalidInput, match=r"CreateTime, not LogAppendTime: alter it with"):
        await ensure_topics(broker.bootstrap, [Topic("wrong-time", "", "", 1)])


async def test_no_broker_is_told_after_a_bounded_wait() -> None:
    with pytest.raises(Unavailable, match="no Kafka broker answers at"):
        await ensure_topics(f"127.0.0.1:{free_port()}", wait_s=0.5)


async def test_kept_data_opens_again_on_another_port_after_a_kill(broker_files: BrokerFiles, broker: Broker) -> None:
    own = Broker.start(broker_files, data=broker.data.parent / "kept", heap_mb=256, log=broker.data.parent / "kept.log")
    try:
        await ensure_topics(own.wait_ready().bootstrap)
        own.kill()
        again = Broker.start(broker_files, data=own.data, heap_mb=256, log=broker.data.parent / "kept.log")
        try:
            assert again.wait_ready().port != own.port
            assert {e.outcome for e in await ensure_topics(again.bootstrap)} == {"exists"}
        finally:
            again.stop()
    finally:
        own.stop()


async def _create(broker: Broker, topic: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([topic])
    finally:
        await admin.close()
