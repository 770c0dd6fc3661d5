"""The one way to make a Kafka consumer, and to read records by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.record import Record
from observability.kafka_security import kafka_client
from runtime.kafka.chunk_fetch import Chunking, install_chunk_fetch
from runtime.kafka.partition_records import install_bounded_reading

Fetched: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"


def kafka_consumer(bootstrap: str, *, chunking: Chunking | None = None, **options: Any) -> AIOKafkaConsumer:
    """Make a consumer that no record can stop; some topics in chunks, if given. Raises InvalidInput.

    Unless told otherwise it commits nothing by itself, and reads what is committed: records of aborted transactions are
    nobody's, and the last stable offset is the end.
    """
    if chunking is None:
        install_bounded_reading()
    else:
        install_chunk_fetch()
    usual = {"enable_auto_commit": False, "isolation_level": "read_committed", "value_deserializer": chunking}
    return AIOKafkaConsumer(**kafka_client(bootstrap), **(usual | options))


async def leave(*stopping: Awaitable[object], within_s: float = 5.0) -> None:
    """Stop clients of Kafka; what takes longer goes on by itself, and what is raised is nobody's concern any more.

    Without a broker aiokafka's stop() may wait for ever, or raise the CancelledError of its own fetch.
    """
    done, _ = await asyncio.wait([asyncio.ensure_future(one) for one in stopping], timeout=within_s)
    for task in done:
        task.cancelled() or task.exception()  # looked at, so that asyncio does not complain of it


def record_of(fetched: Fetched) -> Record:
    """Return what aiokafka fetched as programs hand it on."""
    headers = [(name, value or b"") for name, value in fetched.headers]
    return Record(
        fetched.topic, fetched.partition, fetched.offset, fetched.timestamp, fetched.key, fetched.value, headers
    )


async def records_to_end(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> AsyncIterator[Record]:
    """Assign partitions and yield their records from the beginning to the ends as they are now, or a little beyond."""
    consumer.assign(list(partitions))
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    while any([await consumer.position(at) < end for at, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for fetched in records:
                yield record_of(fetched)
