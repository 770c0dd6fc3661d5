"""The simulator's score of alerts that lie in a real broker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.codec import decode, encode
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.topics import ENGINE_ALERTS, READING_PARTITIONS, VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from simulator.faults.truth import read_truth
from stack.broker import Broker


def simulator(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


async def raise_alerts(bootstrap: str) -> None:
    """Fold every reading that can be believed, and publish what the rules say."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await consumer.start()
    await producer.start()
    rules, registry = load_rules(default_rules_file()), dict[str, Vehicle]()
    for topic, partitions in ((VEHICLES.name, 1), (VEHICLE_READINGS.name, READING_PARTITIONS)):
        folds = {number: PartitionFold(number, rules, registry=registry) for number in range(partitions)}
        owned = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(owned)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(owned)
        while any([await consumer.position(one) < ends[one] for one in owned]):
            for part, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    if topic == VEHICLES.name:
                        registry[record.key.decode()] = decode(record.value, Vehicle)
                        continue
                    try:
                        reading, _ = believe(record.value, partition=part.partition, received_at_ms=record.timestamp)
                    except MalformedReading:
                        continue
                    fold = folds[part.partition]
                    for alert in fold.fold(reading, offset=record.offset, received_at_ms=record.timestamp):
                        await producer.send(ENGINE_ALERTS.name, key=record.key, value=encode(alert))
    await producer.stop()
    await consumer.stop()


def test_alerts_on_a_disturbed_stream_find_most_faults_and_a_missing_recall_is_an_exit_code(
    fresh_broker: Broker, tmp_path: Path
) -> None:
    bootstrap, truth = fresh_broker.bootstrap, tmp_path / "truth.jsonl"
    told = simulator(
        "history", "--bootstrap", bootstrap, "--vehicles", 20, "--days", 1, "--limit", 40_000, "--truth", truth,
        "--fault-rate", 1, "--fault-repair", "5m", "--lost", 0.01, "--malformed", 0.01, "--late", 0.01,
        "--duplicated", 0.01, "--reordered", 0.01, "--clock-skew", "10s", "--tunnel-rate", 1, "--json",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert all(json.loads(told.stdout)["disturbed"].values())
    asyncio.run(raise_alerts(bootstrap))

    flags = ("score", "--bootstrap", bootstrap, "--truth", truth, "--json", "--minimum-recall")
    enough = simulator(*flags, 0.2)
    assert enough.returncode == 0, enough.stdout + enough.stderr
    scored = json.loads(enough.stdout)
    assert scored["total"]["injected"] == sum(fault.rule is not None for fault in read_truth(truth))
    assert scored["total"]["detected"] > 0
    assert scored["vehicle_hours"] > 5
    assert scored["total"]["false_alarms"] == 0

    missed = '{"vehicle_id":"0","fault":"misfire","started_at_ms":1,"ended_at_ms":9,"severity":1,"rule":"misfire_code",'
    truth.write_text(truth.read_text() + missed + '"reached_at_ms":5}\n')
    assert simulator(*flags, 1).returncode == 1


def test_without_a_broker_a_score_ends_with_one_line_and_exit_code_3(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    truth.touch()
    told = simulator("score", "--bootstrap", "127.0.0.1:1", "--wait", 1, "--truth", truth)
    assert told.returncode == 3
    (line,) = told.stderr.splitlines()
    assert line.startswith("simulator: engine-alerts cannot be read at 127.0.0.1:1")
