"""What Kafka holds when asked: all alerts, and for how many hours cars were driven. Bounded; commits nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from contracts.alert import Alert
from contracts.bounds import Count
from contracts.errors import MalformedRecord, Unavailable
from contracts.record import Record
from contracts.record_checks import alert_in, decoded
from contracts.topics import ENGINE_ALERTS, VEHICLE_READINGS, Topic
from runtime.kafka.consumer import kafka_consumer, leave, record_of
from runtime.kafka.passed_over import PassedOver
from runtime.kafka.reading_ends import ReadingEnds

_HOUR_MS: Final = 3_600_000
_MOST_RECORDS: Final = 5000
_PATIENCE_S: Final = 30.0
"""A broker that gives nothing for this long although there is more no longer answers."""


class _Moment(msgspec.Struct):
    vehicle_id: str
    trip_started_at_ms: Count
    recorded_at_ms: Count


async def alerts(bootstrap: str, wait_s: float) -> list[Alert]:
    """Read every alert change that is there now; what cannot be true is passed over. Raises Unavailable."""
    records = [record async for record in _records(bootstrap, ENGINE_ALERTS, wait_s)]
    reading_ends = ReadingEnds(bootstrap)
    try:
        await reading_ends.start()
        ends = await reading_ends.look_up()
    finally:
        await reading_ends.stop()
    passed_over, found = PassedOver(), []
    for record in records:
        try:
            found.append(alert_in(record, ends))
        except MalformedRecord as error:
            passed_over.tell(record.topic, record.partition, record.offset, error)
    return found


async def driven_hours(bootstrap: str, wait_s: float) -> float:
    """Add up the trips of all cars, each from its begin to its last reading; what is no reading counts for nothing."""
    last_ms: dict[tuple[str, int], int] = {}
    async for record in _records(bootstrap, VEHICLE_READINGS, wait_s):
        try:
            moment = decoded(record, _Moment)
        except MalformedRecord:
            continue  # damaged on the way, on purpose
        trip = (moment.vehicle_id, moment.trip_started_at_ms)
        last_ms[trip] = max(last_ms.get(trip, trip[1]), moment.recorded_at_ms)
    return sum(ended_ms - started_ms for (_, started_ms), ended_ms in last_ms.items()) / _HOUR_MS


async def _records(bootstrap: str, topic: Topic, wait_s: float) -> AsyncIterator[Record]:
    """Yield the records of a topic from its begin to its ends as they are now."""
    consumer = kafka_consumer(bootstrap, auto_offset_reset="earliest", fetch_max_bytes=2**24)
    try:
        ends = await _assigned(consumer, topic, wait_s)
        while ends:
            found = await asyncio.wait_for(
                consumer.getmany(*ends, timeout_ms=1000, max_records=_MOST_RECORDS), _PATIENCE_S
            )
            for records in found.values():
                for record in records:
                    yield record_of(record)
            ends = {part: end for part, end in ends.items() if await consumer.position(part) < end}
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(
            f"{topic.name} cannot be read at {bootstrap} ({type(error).__name__}); "
            "start a broker with `stack broker` and create the topics with `stack topics`"
        ) from error
    finally:
        await leave(consumer.stop())


async def _assigned(consumer: AIOKafkaConsumer, topic: Topic, wait_s: float) -> dict[TopicPartition, int]:
    """Connect within `wait_s`; give the end of each partition that holds something."""
    async with asyncio.timeout(max(wait_s, 2.0)):
        await consumer.start()
        owned = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(owned)
        begins, ends = await consumer.beginning_offsets(owned), await consumer.end_offsets(owned)
    return {part: end for part, end in ends.items() if end > begins[part]}
