"""What the gateway's tests on real brokers share: the program as a child, readings, and what came of them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from eventually import eventually
from mosquitto import Mosquitto

from contracts.codec import encode
from contracts.mqtt_topics import topic_of
from contracts.reading import Reading
from contracts.topics import TOPICS, VEHICLE_READINGS
from stack.ports import LOOPBACK, free_port
from stack.processes import die_with_parent

PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}


class Gateway:
    """A gateway as a process of its own."""

    def __init__(self, mosquitto: Mosquitto, bootstrap: str, *flags: str) -> None:
        self.status_port = free_port()
        command = [sys.executable, "-m", "gateway", "run", "--bootstrap", bootstrap, *flags]
        self.process = subprocess.Popen(
            [*command, "--status-port", str(self.status_port)],
            env=dict(os.environ) | mosquitto.environment("GATEWAY"),  # noqa: TID251 - a child inherits it
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )

    def wait_ready(self) -> Gateway:
        eventually(lambda: self._asked("/health/ready") == "ready\n", within_s=20)
        return self

    def metric(self, name: str) -> float:
        lines = self._asked("/metrics").splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def _asked(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.status_port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=20)
        return self.process.returncode


@contextmanager
def a_gateway(mosquitto: Mosquitto, bootstrap: str, *flags: str) -> Iterator[Gateway]:
    gateway = Gateway(mosquitto, bootstrap, *flags)
    try:
        yield gateway.wait_ready()
    finally:
        gateway.kill()


def a_message(vin: str, sequence: int) -> tuple[str, bytes]:
    reading = Reading(vin, sequence, 1_700_000_000_000 + sequence, 1_700_000_000_000, 0, 0.0, 800.0)
    return topic_of(vin, "readings"), encode(reading)


async def records(bootstrap: str, topic: str = VEHICLE_READINGS.name) -> list[Any]:
    """Read everything that the topic has now, each partition in its order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        owned = [TopicPartition(topic, number) for number in range(PARTITIONS[topic])]
        consumer.assign(owned)
        ends = await consumer.end_offsets(owned)
        read: list[Any] = []
        while any([await consumer.position(one) < ends[one] for one in owned]):
            for some in (await consumer.getmany(timeout_ms=500)).values():
                read += some
        return read
    finally:
        await consumer.stop()


def read_all(bootstrap: str, topic: str = VEHICLE_READINGS.name) -> list[Any]:
    return asyncio.run(records(bootstrap, topic))


def sequences(found: Sequence[Any]) -> dict[str, list[int]]:
    """Give each car's sequence numbers in the order in which they first came."""
    firsts: dict[str, dict[int, None]] = {}
    for record in found:
        firsts.setdefault(record.key.decode(), {}).setdefault(json.loads(record.value)["sequence"])
    return {vin: list(numbers) for vin, numbers in firsts.items()}
