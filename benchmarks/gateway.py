"""What the gateway brings from MQTT to Kafka: readings a second, CPU, memory, and how long a reading takes.

python benchmarks/gateway.py [--readings 60000] [--rate 2000] [--seconds 10] [--bootstrap HOST:PORT]

A real mosquitto holds readings for the gateway's session while the gateway is away; then it starts, and the time is
taken from its first reading in Kafka to its last: one reading a message, then twenty lines a message. After that cars
publish at a steady rate, and each reading's time from the car's clock to Kafka's is taken, all on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import _own_package  # noqa: F401 - before what is named like this file
from _figures import keep, tell
from _own_broker import own_broker
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.mqtt_topics import Kind, topic_of
from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS
from simulator.faults.fault import Faults
from simulator.live.live_fleet import LiveFleet
from simulator.mqtt.door import MqttDoor
from simulator.mqtt.link import Link, Published
from simulator.readings.rows import ReadingRows
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet
from stack.ports import LOOPBACK, answers, free_port

VEHICLES = 2_000
LINES = 20
START_S = 30.0


def main() -> None:
    options = _options()
    with (
        tempfile.TemporaryDirectory() as folder,
        _mosquitto(Path(folder)) as mqtt,
        own_broker(options.bootstrap) as kafka,
    ):
        figures = _drained(mqtt, kafka, "readings", options.readings)
        figures |= _drained(mqtt, kafka, "readings/batch", 3 * options.readings)
        figures |= _live(mqtt, kafka, options.rate, options.seconds)
    keep("gateway", figures)
    tell("gateway", figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=60_000, help="held for the gateway, one a message")
    parser.add_argument("--rate", type=int, default=2_000, help="readings a second of the steady part")
    parser.add_argument("--seconds", type=int, default=10, help="how long the steady part takes")
    parser.add_argument("--bootstrap")
    return parser.parse_args()


def _drained(mqtt: str, kafka: str, kind: Kind, readings: int) -> dict[str, float]:
    with _gateway(mqtt, kafka):
        pass  # now the session exists, and mosquitto keeps what comes for it
    published = asyncio.run(_publish(mqtt, kind, readings))
    with _gateway(mqtt, kafka) as port:
        looks: list[tuple[float, float, float]] = []
        while not looks or looks[-1][1] < published:
            told = _told(port)
            looks.append((time.monotonic(), told["readings"], told["cpu_s"]))
            time.sleep(0.05)
        memory_mb = _told(port)["memory_bytes"] / 2**20
    (began_s, begin, began_cpu_s), (ended_s, end, ended_cpu_s) = looks[0], looks[-1]
    if end - begin < readings / 2:
        raise SystemExit(f"too fast to be measured: give more --readings than {readings}")
    name = "batched" if kind == "readings/batch" else "single"
    return {
        f"{name}_readings": end,
        f"{name}_readings_per_s": round((end - begin) / (ended_s - began_s)),
        f"{name}_cpu_us_per_reading": round((ended_cpu_s - began_cpu_s) / (end - begin) * 1e6, 1),
        f"{name}_memory_mb": round(memory_mb),
    }


def _live(mqtt: str, kafka: str, rate: int, seconds: int) -> dict[str, float]:
    before = asyncio.run(_ends(kafka))
    with _gateway(mqtt, kafka) as port:
        published = asyncio.run(_publish_steadily(mqtt, rate, seconds))
        while _told(port)["readings"] < published:
            time.sleep(0.1)
    taken = sorted(asyncio.run(_delays_ms(kafka, before)))
    return {
        "steady_readings_per_s": rate,
        "steady_readings": len(taken),
        "delay_p50_ms": taken[len(taken) // 2],
        "delay_p99_ms": taken[len(taken) * 99 // 100],
    }


def _messages(readings: int) -> Iterator[tuple[bytes, bytes]]:
    """Give VINs and readings of a fleet that drives, tick after tick."""
    cars = fleet(VEHICLES, 1)
    faults = Faults(VEHICLES, per_vehicle_hour=0, growth_s=15, repair_s=90)
    book = road_book(network("denver", seed=1, segments=0), 1)
    live = LiveFleet(cars, book, seed=1, start_ms=time.time_ns() // 1_000_000, rate_hz=1, faults=faults)
    rows, given = ReadingRows(VEHICLES), 0
    while given < readings:
        made = live.tick()[0]
        some = list(zip(made.values["vehicle_id"].tolist(), rows.encode(made), strict=True))[: readings - given]
        yield from some
        given += len(some)


async def _publish(mqtt: str, kind: Kind, readings: int) -> int:
    link = await _link(mqtt)
    waiting: dict[bytes, list[bytes]] = {}
    published = 0
    for vin, message in _messages(readings):
        lines = waiting.setdefault(vin, [])
        lines.append(message)
        if len(lines) == (LINES if kind == "readings/batch" else 1):
            await link.publish(Published(topic_of(vin.decode(), kind), b"\n".join(lines), lambda _: None))
            published += len(lines)
            lines.clear()
    await link.flush()
    await link.close()
    return published


async def _publish_steadily(mqtt: str, rate: int, seconds: int) -> int:
    link = await _link(mqtt)
    clock = asyncio.get_running_loop().time
    began_s = clock()
    for count, (vin, message) in enumerate(_messages(rate * seconds)):
        if (ahead_s := began_s + count / rate - clock()) > 0:
            await asyncio.sleep(ahead_s)
        told = json.loads(message) | {"recorded_at_ms": time.time_ns() // 1_000_000}
        await link.publish(Published(topic_of(vin.decode(), "readings"), json.dumps(told).encode(), lambda _: None))
    await link.flush()
    await link.close()
    return rate * seconds


async def _link(mqtt: str) -> Link:
    link = Link(MqttDoor(mqtt), identifier="cars", in_flight=2_000)
    await link.start()
    return link


async def _ends(bootstrap: str) -> dict[TopicPartition, int]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        found: dict[TopicPartition, int] = await consumer.end_offsets(
            [TopicPartition(VEHICLE_READINGS.name, n) for n in range(READING_PARTITIONS)]
        )
        return found


async def _delays_ms(bootstrap: str, before: dict[TopicPartition, int]) -> list[int]:
    ends = await _ends(bootstrap)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign(list(ends))
        for partition, offset in before.items():
            consumer.seek(partition, offset)
        delays: list[int] = []
        while len(delays) < sum(ends.values()) - sum(before.values()):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                delays += [record.timestamp - json.loads(record.value)["recorded_at_ms"] for record in records]
        return delays


def _told(port: int) -> dict[str, float]:
    names = {
        'readings_produced_total{program="gateway"}': "readings",
        "process_cpu_seconds_total": "cpu_s",
        "process_resident_memory_bytes": "memory_bytes",
    }
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
    return {ours: float(lines.get(theirs, 0)) for theirs, ours in names.items()}


@contextmanager
def _gateway(mqtt: str, kafka: str) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "gateway", "run", "--mqtt", mqtt, "--bootstrap", kafka]
    process = subprocess.Popen([*command, "--status-port", str(port)], stderr=subprocess.DEVNULL)
    try:
        _until_ready(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _until_ready(port: int) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the gateway is not ready")


@contextmanager
def _mosquitto(folder: Path) -> Iterator[str]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        raise SystemExit("needs mosquitto: `apt-get install mosquitto`")
    port = free_port()
    config = folder / "mosquitto.conf"
    unlimited = "max_inflight_messages 0\nmax_queued_messages 0\nmax_queued_bytes 0\n"
    config.write_text(f"listener {port} {LOOPBACK}\nallow_anonymous true\n{unlimited}")
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        while not answers(port):
            time.sleep(0.05)
        yield f"{LOOPBACK}:{port}"
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
