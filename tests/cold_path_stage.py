"""A stage for the cold path on a real broker: topics, lake and views of its own, and what Kafka then holds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition
from alive import is_alive
from deltalake import DeltaTable
from eventually import eventually, eventually_async
from pyspark.sql import SparkSession

from cold_path.lake.table import Lake
from cold_path.operation.batch_run import BatchRun
from cold_path.operation.progress import Progress
from cold_path.operation.stages import Stages
from cold_path.operation.summary import Pins
from cold_path.settings import Run
from cold_path.source import broker
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle
from observability.terminal import Console
from rules import default_rules_file, load_rules
from stack.processes import die_with_parent

CAR = "1HGCM82633A004352"
PARTITION = partition_of_key(CAR.encode(), READING_PARTITIONS)
Rows = list[dict[str, Any]]
NOW_S = time.time  # noqa: TID251 - the broker judges readings by the machine's clock
_HOUR_S = int(NOW_S()) // 3600 * 3600
"""The hour in which the tests began: a trip stays the same one while the clock passes the next."""


def a_reading(sequence: int, *, car: str = CAR, trip_ago_s: int = 600, **signals: Any) -> bytes:
    """Encode reading `sequence` of a trip that began so long before the hour: 20 m and 2 ml a second."""
    began_ms = (_HOUR_S - trip_ago_s) * 1000
    facts: dict[str, Any] = {
        "vehicle_id": car,
        "sequence": sequence,
        "recorded_at_ms": began_ms + sequence * 1000,
        "trip_started_at_ms": began_ms,
        "trip_distance_m": 20 * sequence,
        "trip_fuel_ml": 2 * sequence,
        "trip_idle_s": 0,
        "speed_kmh": 72.0,
        "engine_rpm": 2_000.0,
    }
    return encode(Reading(**(facts | signals)))


@dataclass
class Stage:
    """Topics, folders and the runs on them."""

    bootstrap: str
    folder: Path
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def topic(self) -> str:
        return f"readings-{self.name}"

    @property
    def flags(self) -> dict[str, Any]:
        return {
            "bootstrap": self.bootstrap,
            "readings_topic": self.topic,
            "vehicles_topic": f"vehicles-{self.name}",
            "group": f"cold-path-{self.name}",
            "lake": self.folder / "lake",
            "views": self.folder / "views",
            "spark_log": self.folder / "spark.log",
        }

    def set_up(self) -> Stage:
        asyncio.run(self._create())
        return self

    async def _create(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        readings, vehicles = VEHICLE_READINGS.broker_settings(), VEHICLES.broker_settings()
        topics = [
            NewTopic(self.topic, READING_PARTITIONS, 1, topic_configs=readings),
            NewTopic(f"vehicles-{self.name}", 1, 1, topic_configs=vehicles),
        ]
        await admin.create_topics(topics)
        await admin.close()

    def send(self, *values: bytes, key: str = CAR) -> None:
        """Send to the partition of `key`, and wait for the acknowledgement."""
        asyncio.run(self.send_all([(key, value) for value in values]))

    def register(self, vehicle: Vehicle) -> None:
        asyncio.run(self.send_all([(vehicle.vehicle_id, encode(vehicle))], topic=f"vehicles-{self.name}", partitions=1))

    async def send_all(
        self,
        records: Iterable[tuple[str, bytes]],
        *,
        topic: str | None = None,
        partitions: int = READING_PARTITIONS,
        transaction: str | None = None,
    ) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, transactional_id=transaction, transaction_timeout_ms=10_000, linger_ms=5
        )
        await producer.start()
        try:
            if transaction:
                await producer.begin_transaction()
            for key, value in records:
                at = partition_of_key(key.encode(), partitions)
                await producer.send(topic or self.topic, value, key=key.encode(), partition=at)
            await producer.flush()
            if transaction:
                await producer.commit_transaction()
        finally:
            await producer.stop()

    async def expire(self, partition: int, before: int) -> None:
        """Let the broker forget all records of a partition below an offset, as retention does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.delete_records({TopicPartition(self.topic, partition): RecordsToDelete(before)})
        await admin.close()

    def run(self, spark: SparkSession, **more: Any) -> BatchRun:
        """Give a run as a freshly started program would make it."""
        asked = Run(_cli_parse_args=False, **(self.flags | {"wait": 5} | more))
        rules = default_rules_file()
        pins = Pins(rules.read_text(), load_rules(rules).hash, "0")
        stages = Stages(Progress(None, Console()), now_s=NOW_S, is_stopping=lambda: False)
        return BatchRun(spark, Lake(asked.lake), asked, pins, stages)

    def lake_rows(self) -> Rows:
        rows: Rows = DeltaTable(str(self.folder / "lake")).to_pyarrow_table().to_pylist()
        return sorted(rows, key=lambda row: (row["partition"], row["offset"]))

    def in_kafka(self) -> list[tuple[int, int]]:
        """Give partition and offset of every record that the broker holds."""
        return asyncio.run(self._in_kafka())

    async def _in_kafka(self) -> list[tuple[int, int]]:
        ends = (await broker.bounds(self.bootstrap, self.topic, wait_s=5)).ends
        records = broker.readings(self.bootstrap, self.topic, ends, wait_s=5)
        return sorted([(record.partition, record.offset) async for record in records])


class Transaction:
    """A transaction on a stage's readings that stays open from step to step of a test; left as it is, it hangs."""

    def __init__(self, stage: Stage, *, timeout_ms: int = 600_000) -> None:
        self._topic, self._bootstrap = stage.topic, stage.bootstrap
        self._touched: set[TopicPartition] = set()
        self._loop = asyncio.Runner()
        self._producer = self._loop.run(self._begun(stage, timeout_ms))

    async def _begun(self, stage: Stage, timeout_ms: int) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=stage.bootstrap,
            transactional_id=f"transaction-{uuid.uuid4().hex[:8]}",
            transaction_timeout_ms=timeout_ms,
        )
        await producer.start()
        await producer.begin_transaction()
        return producer

    def send(self, *values: bytes, key: str = CAR) -> Self:
        """Send to the partition of `key`, and wait for the acknowledgement."""
        self._loop.run(self._send(values, key))
        return self

    async def _send(self, values: Iterable[bytes], key: str) -> None:
        at = partition_of_key(key.encode(), READING_PARTITIONS)
        self._touched.add(TopicPartition(self._topic, at))
        for value in values:
            await self._producer.send_and_wait(self._topic, value, key=key.encode(), partition=at)

    def commit(self) -> None:
        self._loop.run(self._ended(self._producer.commit_transaction))

    def abort(self) -> None:
        self._loop.run(self._ended(self._producer.abort_transaction))

    async def _ended(self, end: Callable[[], Awaitable[None]]) -> None:
        """End it, and wait for the markers: the broker writes them a moment after it has answered."""
        async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap) as consumer:
            before = await consumer.end_offsets(list(self._touched))
            await end()

            async def are_marked() -> bool:
                ends = await consumer.end_offsets(list(before))
                return all(ends[at] > offset for at, offset in before.items())

            await eventually_async(are_marked, within_s=60, every_s=0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._producer.stop())
        self._loop.close()


class Program:
    """One `cold-path run` process, and the JVM that it started."""

    def __init__(self, stage: Stage, *flags: str) -> None:
        given = [part for name, value in stage.flags.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        self._log = stage.folder / f"program-{uuid.uuid4().hex[:6]}.log"
        command = [sys.executable, "-m", "cold_path", "run", *given, "--driver-memory", "1g", *flags]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
            )

    def told(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, phrase: str, *, within_s: float = 150, **fields: Any) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            assert self._process.poll() in (None, 0), self._log.read_text()[-3000:]
            wanted = {"message": phrase} | fields
            return next((line for line in self.told() if wanted.items() <= line.items()), None)

        line = eventually(found, within_s=within_s, every_s=0.02)
        assert line is not None
        return line

    def jvms(self) -> list[psutil.Process]:
        children = psutil.Process(self._process.pid).children(recursive=True)
        return [child for child in children if "java" in child.name()]

    def kill(self) -> None:
        """Kill the driver as a machine would, and wait until its JVM has followed."""
        jvms = self.jvms()
        self._process.kill()
        self._process.wait()
        eventually(lambda: not any(map(is_alive, jvms)), within_s=20)

    def terminate(self) -> int:
        os.kill(self._process.pid, signal.SIGTERM)
        return self._process.wait(20)
