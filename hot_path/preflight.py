"""Before the start: is there a broker, and has it the topics? A bounded wait, then one readable line."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from contracts.errors import InvalidInput, Unavailable
from contracts.topics import READING_PARTITIONS

if TYPE_CHECKING:
    from hot_path.settings import HotPathSettings

RETRY_S = 0.5


async def await_broker(settings: HotPathSettings) -> None:
    """Return once the broker answers and every topic exists.

    Raises Unavailable when that takes longer than `settings.wait`; InvalidInput when a topic has another number of
    partitions than the readings' 12, since a vehicle's readings, states and alerts share a partition.
    """
    problem: str | None = "no broker answers"
    attempts = logging.getLogger("aiokafka")
    attempts.setLevel(logging.CRITICAL)  # a line for each attempt; the one line at the end says it
    try:
        async with asyncio.timeout(settings.wait):
            while problem := await _problem(settings):  # noqa: ASYNC110 - the broker sets no event here
                await asyncio.sleep(RETRY_S)
    except TimeoutError:
        raise Unavailable(
            f"{problem} at {settings.bootstrap} (waited {settings.wait:g} s); `stack broker` starts a broker and "
            "`stack topics` makes the topics, or name another broker by --bootstrap"
        ) from None
    finally:
        attempts.setLevel(logging.WARNING)


async def _problem(settings: HotPathSettings) -> str | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap)
    try:
        await consumer.start()
        existing = await consumer.topics()
        partitions = {name: len(consumer.partitions_for_topic(name) or ()) for name in existing}
    except KafkaError:
        return "no broker answers"
    finally:
        await consumer.stop()
    return _missing(settings, partitions)


def _missing(settings: HotPathSettings, partitions: dict[str, int]) -> str | None:
    together = (settings.readings_topic, settings.alerts_topic, settings.states_topic)
    needed = (*together, settings.rejected_topic, settings.vehicles_topic)
    if missing := [name for name in needed if name not in partitions]:
        return f"no topic {', '.join(missing)}"
    for name in together:
        if partitions[name] not in (0, READING_PARTITIONS):
            raise InvalidInput(f"topic {name} has {partitions[name]} partitions where {READING_PARTITIONS} are needed")
    return None
