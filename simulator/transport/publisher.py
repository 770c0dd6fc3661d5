"""Kafka, as the simulator writes to it: whole batches to the contract's partitions, acknowledged by all replicas."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from contracts.codec import encode
from contracts.errors import InvalidInput, Unavailable
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA
from contracts.snapshot import Snapshot, check_picture, to_headers
from contracts.topics import DASHCAM_SNAPSHOTS, READING_PARTITIONS, VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle
from observability.kafka_security import kafka_client
from observability.metrics import READINGS_PRODUCED
from simulator.clock import now_ms
from simulator.transport.record_batch import RecordBatch
from simulator.transport.waiting import Waiting

log = logging.getLogger(__name__)

_BATCH_RECORDS: Final = 640
_BATCH_BYTES: Final = 512 * 1024
"""Before compression, about that of so many readings; the topic takes 2 MiB."""
_HEADERS: Final = [("schema", READING_SCHEMA)]
_RETRY_S: Final = 0.5
_SHORTEST_TRY_S: Final = 2.0
_MOST_OPEN_BATCHES: Final = 256
_ACKNOWLEDGED: Final = READINGS_PRODUCED.labels("simulator")


class Publisher:
    """Sends readings and registry records. Once a batch is not acknowledged, every later call raises Unavailable."""

    def __init__(self, bootstrap: str, *, compressors: Executor | None = None) -> None:
        """Take the broker's address; nothing is connected yet. With `compressors`, batches are compressed there."""
        self._bootstrap = bootstrap
        self._compressors = compressors
        self._producer: AIOKafkaProducer | None = None
        self._open: set[asyncio.Future[object]] = set()
        self._failure: BaseException | None = None
        self.acknowledged = 0
        self.waiting = Waiting(time.monotonic)
        """For the broker, where it takes readings more slowly than they come."""

    async def start(self, wait_s: float) -> None:
        """Connect, within `wait_s` seconds. Raises Unavailable without a broker or topic."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            try:
                async with asyncio.timeout_at(max(deadline, loop.time() + _SHORTEST_TRY_S)):
                    return await self._connect()
            except (KafkaError, OSError) as error:
                await self.close()
                if loop.time() >= deadline:
                    raise self._unreachable(wait_s, error) from error
            await asyncio.sleep(_RETRY_S)

    def _unreachable(self, wait_s: float, error: Exception) -> Unavailable:
        return Unavailable(
            f"no Kafka broker with the project's topics at {self._bootstrap} within {wait_s:g} s "
            f"({type(error).__name__}); start one with `stack broker` and create the topics with `stack topics`"
        )

    async def _connect(self) -> None:
        self._producer = AIOKafkaProducer(
            **kafka_client(self._bootstrap),
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=_BATCH_BYTES,
        )
        await self._producer.start()
        partitions = await self._producer.partitions_for(VEHICLE_READINGS.name)
        if len(partitions) != READING_PARTITIONS:
            raise InvalidInput(
                f"topic {VEHICLE_READINGS.name} has {len(partitions)} partitions, not {READING_PARTITIONS}; "
                "a car would be sent where nobody expects it: create the topics with `stack topics`"
            )

    @property
    def producer(self) -> AIOKafkaProducer:
        """The connected producer."""
        if self._producer is None:
            raise RuntimeError("the publisher was not started")
        return self._producer

    async def register(self, vehicles: Iterable[Vehicle]) -> None:
        """Send registry records and wait until they are acknowledged."""
        batch, sent = self.producer.create_batch(), []
        for vehicle in vehicles:
            key, value = vehicle.vehicle_id.encode(), encode(vehicle)
            if batch.append(timestamp=None, key=key, value=value) is None:
                sent.append(await self.producer.send_batch(batch, VEHICLES.name, partition=0))
                batch = self.producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        try:
            if batch.record_count():
                sent.append(await self.producer.send_batch(batch, VEHICLES.name, partition=0))
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise self._unavailable(error) from error

    async def send(self, partition: int, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Send readings of one partition in their order; waits while the broker is behind, not until acknowledged."""
        sent_at_ms = now_ms()
        for start in range(0, len(keys), _BATCH_RECORDS):
            part = slice(start, start + _BATCH_RECORDS)
            batch = RecordBatch(keys[part], values[part], sent_at_ms=sent_at_ms, headers=_HEADERS)
            if self._compressors is not None:
                await asyncio.get_running_loop().run_in_executor(self._compressors, batch.compress)
            await self._submit(batch, partition)

    async def send_snapshot(self, snapshot: Snapshot, picture: bytes) -> None:
        """Send a picture and wait for its acknowledgement. Raises SnapshotRefused for one that must not be sent."""
        check_picture(snapshot.vehicle_id, picture)
        key = snapshot.vehicle_id.encode()
        partition = partition_of_key(key, DASHCAM_SNAPSHOTS.partitions)
        batch = self.producer.create_batch()
        batch.append(timestamp=None, key=key, value=picture, headers=to_headers(snapshot))
        try:
            await (await self.producer.send_batch(batch, DASHCAM_SNAPSHOTS.name, partition=partition))
        except KafkaError as error:
            raise self._unavailable(error) from error

    async def _submit(self, batch: RecordBatch, partition: int) -> None:
        self._raise_failure()
        records: int = batch.record_count()
        try:
            with self.waiting.one():
                while len(self._open) >= _MOST_OPEN_BATCHES:
                    await asyncio.wait(self._open, return_when=asyncio.FIRST_COMPLETED)
                future = await self.producer.send_batch(batch, VEHICLE_READINGS.name, partition=partition)
        except KafkaError as error:
            raise self._unavailable(error) from error
        self._open.add(future)
        future.add_done_callback(lambda done: self._settled(done, records))

    def _settled(self, done: asyncio.Future[object], records: int) -> None:
        self._open.discard(done)
        if done.cancelled():
            return
        if error := done.exception():
            self._failure = error
            return
        self.acknowledged += records
        _ACKNOWLEDGED.inc(records)

    async def flush(self) -> None:
        """Wait until everything sent is acknowledged. Raises Unavailable when something is not."""
        while self._open:
            await asyncio.wait(self._open)
        await asyncio.sleep(0)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._unavailable(self._failure) from self._failure

    def _unavailable(self, error: BaseException) -> Unavailable:
        return Unavailable(
            f"the broker at {self._bootstrap} no longer acknowledges readings "
            f"({self.acknowledged} were): {type(error).__name__} {error}"
        )

    async def close(self) -> None:
        """Disconnect; what is not acknowledged yet is waited for by aiokafka."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()
