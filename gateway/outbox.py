"""Kafka, as the gateway writes to it: a chunk of records, in order by partition, and back when all replicas have it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from contracts.errors import InvalidInput, Unavailable
from contracts.topics import (
    DASHCAM_SNAPSHOTS,
    LARGEST_RECORD_BYTES,
    READING_PARTITIONS,
    REJECTED_READINGS,
    VEHICLE_READINGS,
    VEHICLES,
)
from gateway.routing import Record
from observability.kafka_security import kafka_client
from observability.metrics import KAFKA_REFUSALS

log = logging.getLogger(__name__)

_BATCH_BYTES: Final = 512 * 1024
_RETRY_S: Final = 0.5
_LAST_WAIT_S: Final = 2.0
_SHORTEST_TRY_S: Final = 2.0
_PATIENCE_MS: Final = 10_000
"""How long aiokafka tries by itself; then the chunk is sent again by a new producer, as often as need be."""

Place = tuple[str, int]


class Outbox:
    """Takes chunks one after the other, so that a car's readings keep their order. `is_ready`: the last one went in."""

    def __init__(self, bootstrap: str) -> None:
        """Take the broker's address; nothing is connected yet."""
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self.is_ready = False

    async def start(self, wait_s: float) -> None:
        """Connect, within `wait_s` seconds. Raises Unavailable, or InvalidInput for a topic with other partitions."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        while True:
            try:
                async with asyncio.timeout_at(max(deadline, clock() + _SHORTEST_TRY_S)):
                    return await self._connect()
            except (KafkaError, OSError) as error:
                await self.close()
                if clock() >= deadline:
                    raise self._unreachable(wait_s, error) from error
            await asyncio.sleep(_RETRY_S)

    def _unreachable(self, wait_s: float, error: Exception) -> Unavailable:
        return Unavailable(
            f"no Kafka broker with the project's topics at {self._bootstrap} within {wait_s:g} s "
            f"({type(error).__name__}); start one with `stack broker` and create the topics with `stack topics`, "
            "or name another by --bootstrap"
        )

    async def _connect(self) -> None:
        self._producer = AIOKafkaProducer(
            **kafka_client(self._bootstrap),
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=_BATCH_BYTES,
            max_request_size=LARGEST_RECORD_BYTES,
            request_timeout_ms=_PATIENCE_MS,
        )
        await self._producer.start()
        for topic in (VEHICLES, REJECTED_READINGS, DASHCAM_SNAPSHOTS, VEHICLE_READINGS):
            partitions = await self._producer.partitions_for(topic.name)
        if len(partitions) != READING_PARTITIONS:
            raise InvalidInput(
                f"topic {VEHICLE_READINGS.name} has {len(partitions)} partitions, not {READING_PARTITIONS}; "
                "a car would be sent where nobody expects it: create the topics with `stack topics`"
            )
        self.is_ready = True

    async def deliver(self, records: Sequence[Record]) -> None:
        """Return once Kafka has every record. While it takes none this waits; a record may then be there twice."""
        missing = _by_place(records)
        while missing := await self._sent(missing):
            self.is_ready = False
            KAFKA_REFUSALS.inc()
            log.warning("kafka does not take records, trying again", extra={"records": sum(map(len, missing.values()))})
            await self._reconnect()
        self.is_ready = True

    async def _sent(self, missing: dict[Place, list[Record]]) -> dict[Place, list[Record]]:
        """Send, and give what was not acknowledged."""
        outcomes = await asyncio.gather(
            *(self._send(place, some) for place, some in missing.items()), return_exceptions=True
        )
        failed = {}
        for place, outcome in zip(missing, outcomes, strict=True):
            if isinstance(outcome, KafkaError | OSError):
                failed[place] = missing[place]
            elif isinstance(outcome, BaseException):
                raise outcome
        return failed

    async def _send(self, place: Place, records: list[Record]) -> None:
        topic, partition = place
        producer = self._connected()
        batch, sent = producer.create_batch(), []
        for record in records:
            fields = {"timestamp": None, "key": record.key, "value": record.value, "headers": record.headers}
            if batch.append(**fields) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(**fields)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)

    def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("the outbox was not started")
        return self._producer

    async def _reconnect(self) -> None:
        """Begin with a new producer, since one that lost a batch may refuse all later ones."""
        while True:
            await self.close()
            await asyncio.sleep(_RETRY_S)
            try:
                return await self._connect()
            except (KafkaError, OSError) as error:
                log.warning("kafka is away", extra={"bootstrap": self._bootstrap, "error": type(error).__name__})

    async def close(self) -> None:
        """Disconnect; what is not acknowledged by then is not waited for: it is not acknowledged to its cars either."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            # While Kafka is away aiokafka would wait for it without end.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WAIT_S):
                    await producer.stop()


def _by_place(records: Sequence[Record]) -> dict[Place, list[Record]]:
    places: dict[Place, list[Record]] = {}
    for record in records:
        places.setdefault((record.topic, record.partition), []).append(record)
    return places
