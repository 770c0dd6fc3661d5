"""A stage for the hot path on a real broker: topics of its own, workers as processes, and the fold they must equal."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.structs import ConsumerRecord
from eventually import eventually_async
from hot_path_fold import RULES, AlertEvent, assert_marks_hold, expected_of, identity
from hot_path_worker import Worker

from contracts.alert import Alert
from contracts.codec import decode, encode
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA, Reading
from contracts.topics import (
    ENGINE_ALERTS,
    READING_PARTITIONS,
    REJECTED_READINGS,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle_state import Mark, VehicleState
from rules.partition import PartitionFold
from rules.written import restored
from stack.ports import free_port
from stack.topics import ensure_topics

_TOPICS = (VEHICLE_READINGS, ENGINE_ALERTS, VEHICLE_STATES, REJECTED_READINGS, VEHICLES)
_FLAGS = ("--readings-topic", "--alerts-topic", "--states-topic", "--rejected-topic", "--vehicles-topic")
_BREAKING = Path(__file__).with_name("breaking_worker.py")
_ZSTD = 4


class Stage:
    """Topics with names of their own on a broker, and what can be done with them."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        mark = uuid.uuid4().hex[:8]
        self._topics = [dataclasses.replace(topic, name=f"{topic.name}-{mark}") for topic in _TOPICS]
        self.readings, self.alerts, self.states, self.rejected, self.vehicles = (topic.name for topic in self._topics)
        self.group = f"hot-path-{mark}"
        self.workers: list[Worker] = []
        asyncio.run(ensure_topics(bootstrap, self._topics))

    def start(self, *flags: str, breaking: tuple[str, int] | None = None) -> Worker:
        """Start a worker, one that breaks if told at which step; a session of 2 s, so that a killed one is missed."""
        port = free_port()
        topics = itertools.chain.from_iterable(zip(_FLAGS, (topic.name for topic in self._topics), strict=True))
        program = ["-m", "hot_path", "run"] if breaking is None else [str(_BREAKING), *map(str, breaking)]
        command = [sys.executable, *program, "--bootstrap", self.bootstrap, "--app-id", self.group]
        command += [*topics, "--status-port", str(port), "--commit-interval", "0.3", *flags]
        command += [] if "--session-timeout" in flags else ["--session-timeout", "2"]
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        worker = Worker(process, port, log)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    def send(self, readings: Iterable[Reading], *, rate: float | None = None) -> None:
        """Send readings as producers do: keyed by VIN, partition by murmur2; at `rate` a second if given."""
        asyncio.run(self._send(((r.vehicle_id.encode(), encode(r), None) for r in readings), rate))

    def send_raw(self, records: Iterable[tuple[bytes | None, bytes | None, int | None]]) -> None:
        """Send (key, value, partition) as they are; partition None is the key's."""
        asyncio.run(self._send(records, None))

    def send_batch(self, records: list[tuple[bytes, bytes, list[tuple[str, bytes]]]], *, partition: int) -> None:
        """Send (key, value, headers) as one record batch, however much it unpacks to."""
        asyncio.run(self._send_batch(records, partition))

    async def _send_batch(self, records: list[tuple[bytes, bytes, list[tuple[str, bytes]]]], partition: int) -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", compression_type="zstd", max_batch_size=100_000_000
        ) as producer:
            batch = producer.create_batch()
            # The builder in Python: the one in C takes no names but those that are UTF-8.
            batch._builder = _DefaultRecordBatchBuilderPy(2, _ZSTD, 0, -1, -1, -1, 100_000_000)
            for key, value, headers in records:
                assert batch.append(key=key, value=value, timestamp=None, headers=headers) is not None
            await (await producer.send_batch(batch, self.readings, partition=partition))

    def send_built(self, batch: bytes, *, records: int, partition: int) -> None:
        """Send one record batch as its bytes are."""
        asyncio.run(self._send_built(batch, records, partition))

    async def _send_built(self, built: bytes, records: int, partition: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", compression_type="zstd") as producer:
            batch = producer.create_batch()
            batch.close()
            batch._buffer, batch._relative_offset = bytearray(built), records
            await (await producer.send_batch(batch, self.readings, partition=partition))

    async def _send(self, records: Iterable[tuple[bytes | None, bytes | None, int | None]], rate: float | None) -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", compression_type="zstd", linger_ms=5,
            max_batch_size=65_536, max_request_size=2 * 1024 * 1024,
        ) as producer:  # fmt: skip
            started_s, sent = time.monotonic(), []
            for number, (key, value, partition) in enumerate(records):
                chosen = partition_of_key(key or b"", READING_PARTITIONS) if partition is None else partition
                headers = [("schema", READING_SCHEMA)]
                sent.append(await producer.send(self.readings, value, key=key, partition=chosen, headers=headers))
                if rate is not None and number % 100 == 0:
                    await asyncio.sleep(max(0.0, started_s + number / rate - time.monotonic()))
            await asyncio.gather(*sent)

    def records(self, topic: str) -> list[ConsumerRecord]:
        """Read what is committed of a whole topic, partition by partition, in offset order."""
        return asyncio.run(self._records(topic))

    async def _records(self, topic: str) -> list[ConsumerRecord]:
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
        ) as consumer:
            partitions = self._partitions(topic)
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records: list[ConsumerRecord] = []
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    for some in (await consumer.getmany(timeout_ms=500)).values():
                        records += some
        return sorted(records, key=lambda record: (record.partition, record.offset))

    def lag(self) -> int:
        """Count the offsets below the last stable one that the group has not committed."""
        return asyncio.run(self._lag())

    async def _lag(self) -> int:
        return sum((await self._ends(self.readings)).values()) - sum((await self._committed()).values())

    def committed(self) -> dict[int, int]:
        """Give the offset that the group has committed of each partition of readings; 0 before its first commit."""
        return asyncio.run(self._committed())

    async def _committed(self) -> dict[int, int]:
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False
        ) as consumer:
            return {each.partition: await consumer.committed(each) or 0 for each in self._partitions(self.readings)}

    def _partitions(self, topic: str) -> list[TopicPartition]:
        count = next(each.partitions for each in self._topics if each.name == topic)
        return [TopicPartition(topic, number) for number in range(count)]

    def ends(self, topic: str | None = None, *, isolation: str = "read_committed") -> dict[int, int]:
        """Give the last stable offset of each partition of a topic, else of readings; read uncommitted, the end."""
        return asyncio.run(self._ends(topic or self.readings, isolation))

    async def _ends(self, topic: str, isolation: str = "read_committed") -> dict[int, int]:
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level=isolation) as consumer:
            return {each.partition: end for each, end in (await consumer.end_offsets(self._partitions(topic))).items()}

    def wait_committed(self, within_s: float = 60) -> None:
        """Wait until every record is committed."""
        asyncio.run(self._wait_committed(within_s))

    async def _wait_committed(self, within_s: float) -> None:
        async def is_committed() -> bool:
            return await self._lag() == 0

        await eventually_async(is_committed, within_s=within_s, every_s=0.3)

    def alert_events(self) -> list[AlertEvent]:
        """Give the alerts written, as often as written."""
        return [identity(decode(record.value, Alert)) for record in self.records(self.alerts)]

    def written(self) -> dict[int, tuple[dict[str, VehicleState], Mark | None]]:
        """Give each partition's states and mark as written."""
        by_partition = itertools.groupby(self.records(self.states), key=lambda record: record.partition)
        return {number: restored((r.key, r.value) for r in records) for number, records in by_partition}

    def assert_every_mark_holds(self, *, with_none_ahead: bool = False) -> None:
        """Compare, at every mark ever written, the states before it with a fold of the readings up to its offset.

        A state may be ahead of a mark only where two workers were alive: the one that lost the partition wrote it.
        """
        readings = itertools.groupby(self.records(self.readings), key=lambda record: record.partition)
        by_partition = {number: list(records) for number, records in readings}
        written = itertools.groupby(self.records(self.states), key=lambda record: record.partition)
        for partition, records in written:
            fold = PartitionFold(partition, RULES, registry={})
            ahead = assert_marks_hold(fold, by_partition.get(partition, []), records)
            assert not (with_none_ahead and ahead), f"{ahead[0]} is ahead of the mark"

    def assert_nothing_lost(self) -> None:
        """Compare all that was written with an in-process fold of the readings' topic."""
        self.assert_every_mark_holds()
        folds, alerts = self.expected()
        written, ends = self.written(), self.ends()
        due, told = {identity(alert) for alert in alerts}, set(self.alert_events())
        # Small differences, as pytest takes minutes to lay out two fleets side by side.
        assert (sorted(due - told)[:3], sorted(told - due)[:3]) == ([], []), "alerts missing, and alerts too many"
        for partition, fold in folds.items():
            states, mark = written[partition]
            assert mark is not None
            assert mark.next_offset == ends[partition]
            differing = [vehicle for vehicle, state in fold.states.items() if states.get(vehicle) != state]
            assert [(states.get(vehicle), fold.states[vehicle]) for vehicle in differing[:1]] == []
            assert len(states) == len(fold.states)

    def expected(self) -> tuple[dict[int, PartitionFold], list[Alert]]:
        """Fold the readings' topic: folds by partition, and all alerts."""
        return expected_of(self.records(self.readings))
