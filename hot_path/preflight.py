"""Before the start: is there a broker, and has it the topics? A bounded wait, then one readable line."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from contracts.errors import InvalidInput, Unavailable
from contracts.topics import READING_PARTITIONS
from observability.kafka_security import kafka_client

if TYPE_CHECKING:
    from hot_path.settings import HotPathSettings

RETRY_S = 0.5
_TIMES = "message.timestamp.type"
_BROKERS_TIME = "LogAppendTime"


async def await_broker(settings: HotPathSettings) -> None:
    """Return once the broker answers and every topic exists.

    Raises Unavailable when that takes longer than `settings.wait`; InvalidInput when a topic has another number of
    partitions than the readings' 12, since a vehicle's readings, states and alerts share a partition, or when it keeps
    its producers' times, since silence and latency are judged by the broker's.
    """
    attempts = logging.getLogger("aiokafka")
    attempts.setLevel(logging.CRITICAL)  # a line for each attempt; the one line at the end says it
    clock = asyncio.get_running_loop().time
    until = clock() + settings.wait
    while problem := await _problem(settings):
        if clock() > until:
            raise Unavailable(
                f"{problem} at {settings.bootstrap} (waited {settings.wait:g} s); `stack broker` starts a broker and "
                "`stack topics` makes the topics, or name another broker by --bootstrap"
            )
        await asyncio.sleep(RETRY_S)
    attempts.setLevel(logging.WARNING)


async def _problem(settings: HotPathSettings) -> str | None:
    patience_ms = int(max(1.0, settings.wait) * 1000)
    admin = AIOKafkaAdminClient(**kafka_client(settings.bootstrap), request_timeout_ms=patience_ms)
    try:
        await admin.start()
        described = await admin.describe_topics(list(_needed(settings)))
        partitions = {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}
        if missing := _missing(settings, partitions):
            return missing
        await _refuse_producers_times(settings, admin)
    except KafkaError:
        return "no broker answers"
    finally:
        await admin.close()
    return None


async def _refuse_producers_times(settings: HotPathSettings, admin: AIOKafkaAdminClient) -> None:
    names = (settings.readings_topic, settings.alerts_topic)
    answers = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, {_TIMES: None}) for name in names]
    )
    for _, _, _, name, entries in (resource for answer in answers for resource in answer.resources):
        times = {entry[0]: entry[1] for entry in entries}.get(_TIMES, _BROKERS_TIME)
        if times != _BROKERS_TIME:
            raise InvalidInput(
                f"topic {name} has {_TIMES} {times} where {_BROKERS_TIME} is needed; set it by kafka-configs.sh "
                f"--alter --entity-type topics --entity-name {name} --add-config {_TIMES}={_BROKERS_TIME}"
            )


def _together(settings: HotPathSettings) -> tuple[str, ...]:
    """Give the topics in which a vehicle has the same partition."""
    return settings.readings_topic, settings.alerts_topic, settings.states_topic


def _needed(settings: HotPathSettings) -> tuple[str, ...]:
    return (*_together(settings), settings.rejected_topic, settings.vehicles_topic)


def _missing(settings: HotPathSettings, partitions: dict[str, int]) -> str | None:
    if missing := [name for name in _needed(settings) if name not in partitions]:
        return f"no topic {', '.join(missing)}"
    for name in _together(settings):
        if partitions[name] != READING_PARTITIONS:
            raise InvalidInput(f"topic {name} has {partitions[name]} partitions where {READING_PARTITIONS} are needed")
    return None
