"""A stage for the hot path on a real broker: topics of its own, workers as processes, and the fold they must equal."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import random
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.structs import ConsumerRecord
from eventually import eventually, eventually_async

from contracts.alert import Alert
from contracts.codec import decode, encode
from contracts.errors import MalformedReading
from contracts.partitioning import partition_of_key
from contracts.plausibility import believe
from contracts.reading import READING_SCHEMA, Reading
from contracts.topics import (
    ENGINE_ALERTS,
    READING_PARTITIONS,
    REJECTED_READINGS,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle_state import MARK_PREFIX, Mark, VehicleState
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from rules.written import restored
from stack.ports import free_port
from stack.topics import ensure_topics

RULES = load_rules(default_rules_file())
_TOPICS = (VEHICLE_READINGS, ENGINE_ALERTS, VEHICLE_STATES, REJECTED_READINGS, VEHICLES)
_FLAGS = ("--readings-topic", "--alerts-topic", "--states-topic", "--rejected-topic", "--vehicles-topic")
_BREAKING = Path(__file__).with_name("breaking_worker.py")
_ZSTD = 4
AlertEvent = tuple[str, int, str]


class Worker:
    """One `hot-path run` process."""

    def __init__(self, process: subprocess.Popen[bytes], status_port: int, log: Path) -> None:
        self.process = process
        self._status = f"http://127.0.0.1:{status_port}"
        self.log = log

    def is_ready(self) -> bool:
        with urllib.request.urlopen(f"{self._status}/health/ready", timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)

    def figure(self, name: str) -> float:
        """Give a metric's value, summed over its labels; 0 before the worker tells it."""
        try:
            with urllib.request.urlopen(f"{self._status}/metrics", timeout=2) as answer:  # noqa: S310 - loopback
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def wait_ready(self, within_s: float = 40) -> Worker:
        eventually(self.is_ready, within_s=within_s)
        return self

    def wait_processed(self, readings: int, within_s: float = 40) -> None:
        eventually(lambda: self._running_figure("readings_processed_total") >= readings, within_s=within_s)

    def _running_figure(self, name: str) -> float:
        if self.process.poll() is not None:
            pytest.fail(f"the worker has ended:\n{self.log.read_text()}")
        return self.figure(name)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """Send SIGTERM; give the seconds until the end, which must be a clean one."""
        started_s = time.monotonic()
        self.process.terminate()
        assert self.process.wait(20) == 0, self.log.read_text()
        return time.monotonic() - started_s


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
        """Read a whole topic, partition by partition, in offset order."""
        return asyncio.run(self._records(topic))

    async def _records(self, topic: str) -> list[ConsumerRecord]:
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest") as consumer:
            count = next(each.partitions for each in self._topics if each.name == topic)
            partitions = [TopicPartition(topic, number) for number in range(count)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records: list[ConsumerRecord] = []
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    for some in (await consumer.getmany(timeout_ms=500)).values():
                        records += some
        return sorted(records, key=lambda record: (record.partition, record.offset))

    def lag(self) -> int:
        """Count the records that the group has not committed."""
        return asyncio.run(self._lag())

    async def _lag(self) -> int:
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False
        ) as consumer:
            partitions = [TopicPartition(self.readings, number) for number in range(READING_PARTITIONS)]
            ends = await consumer.end_offsets(partitions)
            committed = [await consumer.committed(each) or 0 for each in partitions]
            return int(sum(ends.values()) - sum(committed))

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
            ahead = _assert_marks_hold(fold, by_partition.get(partition, []), records)
            assert not (with_none_ahead and ahead), f"{ahead[0]} is ahead of the mark"

    def assert_nothing_lost(self) -> None:
        """Compare all that was written with an in-process fold of the readings' topic."""
        self.assert_every_mark_holds()
        folds, alerts, ends = self.expected()
        written = self.written()
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

    def expected(self) -> tuple[dict[int, PartitionFold], list[Alert], dict[int, int]]:
        """Fold the readings' topic: folds and ends by partition, and all alerts."""
        records = self.records(self.readings)
        numbers = {record.partition for record in records}
        folds = {number: PartitionFold(number, RULES, registry={}) for number in numbers}
        ends: dict[int, int] = {}
        alerts: list[Alert] = []
        for record in records:
            alerts += fold_record(folds[record.partition], record)
            ends[record.partition] = record.offset + 1
        for fold in folds.values():
            fold.drain(1_000_000)  # forgets older trips, as every writing does
        return folds, alerts, ends


def fold_record(fold: PartitionFold, record: ConsumerRecord) -> list[Alert]:
    """Fold one record of the readings' topic, as a worker would."""
    alerts = fold.advance(record.timestamp)
    try:
        reading, _ = believe(record.value, partition=record.partition, received_at_ms=record.timestamp)
    except MalformedReading:
        return alerts
    return [*alerts, *fold.fold(reading, offset=record.offset, received_at_ms=record.timestamp)]


def _assert_marks_hold(
    fold: PartitionFold, readings: list[ConsumerRecord], records: Iterable[ConsumerRecord]
) -> list[str]:
    """Walk through one partition's states, the newest by position; give those that were ahead of a mark."""
    ahead: list[str] = []
    newest: dict[bytes, VehicleState] = {}
    waiting = deque(readings)
    for record in records:
        if not record.key.startswith(MARK_PREFIX):
            state = decode(record.value, VehicleState)
            if record.key not in newest or state.offset >= newest[record.key].offset:
                newest[record.key] = state
            continue
        mark = decode(record.value, Mark)
        while waiting and waiting[0].offset < mark.next_offset:
            fold_record(fold, waiting.popleft())
        for vehicle_id, due in fold.states.items():
            found = newest.get(vehicle_id.encode())
            assert found is not None, f"{vehicle_id} is missing at {mark}"
            assert found.offset >= due.offset, f"{vehicle_id} is behind {mark}"
            if found.offset >= mark.next_offset:
                ahead.append(f"{vehicle_id} at {found.offset}, {mark}")
            else:
                assert (found.newest, found.episodes, found.trips[0]) == (due.newest, due.episodes, due.trips[0])
    return ahead


def identity(alert: Alert) -> AlertEvent:
    """Give what makes an alert event the same event."""
    return alert.alert_id, alert.change, alert.state


def vin(number: int) -> str:
    """Give a vehicle's VIN."""
    return f"WVWZZZ1JZ{number:08d}"


def drives(vehicles: int, seconds: int, *, seed: int = 1, start_ms: int | None = None) -> Iterator[Reading]:
    """Give a fleet's readings second by second: some overheat and recover, some repeat, swap or lose readings."""
    generator = random.Random(seed)
    begun_ms = start_ms if start_ms is not None else int(time.time() * 1000) - seconds * 1000  # noqa: TID251
    held: list[Reading] = []
    for second in range(seconds):
        for number in range(vehicles):
            reading = _reading(number, second, begun_ms)
            chance = generator.random()
            if chance < 0.02:
                held.append(reading)
            else:
                yield reading
            if chance > 0.97:
                yield reading
        if second % 5 == 4:
            yield from held
            held.clear()
    yield from held


def _reading(number: int, second: int, begun_ms: int) -> Reading:
    trip, within = divmod(second + number, 200)
    trip_started_ms = begun_ms + (trip * 200 - number) * 1000
    is_hot = number % 7 == 0 and 40 <= within % 100 < 60
    signals: dict[str, Any] = {"coolant_c": 113.5 if is_hot else 91.0, "battery_v": 10.2 if number % 11 == 3 else 14.0}
    return Reading(
        vehicle_id=vin(number),
        sequence=within,
        recorded_at_ms=trip_started_ms + within * 1000,
        trip_started_at_ms=trip_started_ms,
        trip_distance_m=within * 20,
        trip_fuel_ml=within * 2,
        trip_idle_s=0,
        speed_kmh=72.0,
        engine_rpm=2_100.0,
        oil_pressure_kpa=310.0,
        oil_level="NORMAL",
        fuel_level_pct=60.0,
        tyre_pressures_kpa=(231.0, 230.5, 229.0, 230.0),
        trouble_codes=("P0301",) if number % 13 == 5 and 100 <= within < 110 else None,
        **signals,
    )
