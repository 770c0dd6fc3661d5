"""The simulator's commands as processes, against a real broker."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from eventually import eventually

from contracts.codec import decode
from contracts.plausibility import believe
from contracts.reading import READING_SCHEMA, Reading
from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle
from simulator.replay.mapping_file import CAROBD, read_mapping
from stack.broker import Broker


def simulator(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


async def records(bootstrap: str, topic: str, partitions: int) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        owned = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(owned)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(owned)
        read: list[Any] = []
        while any([await consumer.position(one) < ends[one] for one in owned]):
            for some in (await consumer.getmany(timeout_ms=500)).values():
                read += some
        return read
    finally:
        await consumer.stop()


def believed(bootstrap: str) -> list[Reading]:
    """Read all readings; each must be believed where it lies, with all its signals."""
    found = []
    for record in asyncio.run(records(bootstrap, VEHICLE_READINGS.name, READING_PARTITIONS)):
        assert dict(record.headers) == {"schema": READING_SCHEMA}
        reading, ignored = believe(record.value, partition=record.partition, received_at_ms=record.timestamp)
        assert ignored == ()
        assert record.key == reading.vehicle_id.encode()
        found.append(reading)
    return found


def trips_of(readings: list[Reading]) -> dict[tuple[str, int], list[Reading]]:
    trips = defaultdict(list)
    for reading in readings:
        trips[reading.vehicle_id, reading.trip_started_at_ms].append(reading)
    return trips


def registry(bootstrap: str) -> dict[str, Vehicle]:
    found = asyncio.run(records(bootstrap, VEHICLES.name, 1))
    return {record.key.decode(): decode(record.value, Vehicle) for record in found}


def test_history_then_run_then_replay_make_one_believable_stream(
    fresh_broker: Broker, shared: Path, tmp_path: Path
) -> None:
    bootstrap = fresh_broker.bootstrap
    book = ("--logbook", tmp_path / "logbook.json", "--vehicles", 20)
    past = simulator("history", "--bootstrap", bootstrap, *book, "--days", 1, "--limit", 5000, "--json")
    assert past.returncode == 0, past.stderr
    live = simulator("run", "--bootstrap", bootstrap, *book, "--for", "4s", "--rate", 5, "--json")
    assert live.returncode == 0, live.stderr
    recording = shared / "data/obd/carobd/drive5.csv"
    replayed = simulator("replay", "--bootstrap", bootstrap, "--json", recording)
    assert replayed.returncode == 0, replayed.stderr

    readings = believed(bootstrap)
    produced = json.loads(past.stdout)["readings_produced"] + json.loads(live.stdout)["readings_produced"]
    assert len(readings) == produced + 627 + 1
    assert json.loads(past.stdout)["readings_produced"] <= 5000
    trips = trips_of(readings)
    assert all(trip[-1].ignition_on is False for trip in trips.values())
    assert len({(one.vehicle_id, one.sequence) for one in readings}) == len(readings)
    known = registry(bootstrap)
    assert {one.vehicle_id for one in readings} <= set(known)
    recorded = read_mapping(CAROBD).vehicle
    assert recorded is not None
    assert known[recorded.vehicle_id] == recorded
    by_car = defaultdict(list)
    for (vehicle_id, started_at_ms), trip in trips.items():
        by_car[vehicle_id].append((started_at_ms, trip[-1].recorded_at_ms))
    for one, other in itertools.pairwise(sorted(readings, key=lambda one: (one.vehicle_id, one.recorded_at_ms))):
        assert one.vehicle_id != other.vehicle_id or (one.odometer_m or 0) <= (other.odometer_m or 0)
    for spans in by_car.values():
        ordered = sorted(spans)
        assert all(ended < begun for (_, ended), (begun, _) in itertools.pairwise(ordered))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_turns_every_engine_off(fresh_broker: Broker, tmp_path: Path, ending: signal.Signals) -> None:
    truth = tmp_path / "truth.jsonl"
    command = [sys.executable, "-m", "simulator", "run", "--bootstrap", fresh_broker.bootstrap, "--vehicles", "60"]
    command += ["--fault-rate", "300", "--truth", str(truth), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        eventually(lambda: truth.exists() and len(truth.read_text().splitlines()) > 1, within_s=40)
        running.send_signal(ending)
        told, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    readings = believed(fresh_broker.bootstrap)
    assert json.loads(told)["readings_produced"] == len(readings) > 60
    assert all(trip[-1].ignition_on is False for trip in trips_of(readings).values())
    faults = [json.loads(line) for line in truth.read_text().splitlines()]
    assert len(faults) == json.loads(told)["faults"]
    assert {fault["vehicle_id"] for fault in faults} <= {one.vehicle_id for one in readings}


def test_a_bad_file_is_refused_while_the_good_ones_are_sent(fresh_broker: Broker, shared: Path) -> None:
    folder = shared / "data/obd/carobd"
    told = simulator(
        "replay", "--bootstrap", fresh_broker.bootstrap, folder / "live6.csv", folder / "ufpe3.csv", folder / "gone.csv"
    )
    assert told.returncode == 2
    assert "live6.csv, line 2: 24 fields where the header names 27" in told.stderr
    assert "gone.csv: cannot be read" in told.stderr
    assert "ufpe3.csv" in told.stdout
    assert len(believed(fresh_broker.bootstrap)) == 808 + 1


@pytest.mark.parametrize("command", [["run"], ["history"]])
def test_without_a_broker_there_is_one_line_after_the_wait_and_exit_code_3(command: list[str]) -> None:
    began = time.monotonic()
    told = simulator(*command, "--bootstrap", "127.0.0.1:1", "--wait", 1, "--vehicles", 2)
    assert told.returncode == 3
    (line,) = told.stderr.splitlines()
    assert line.startswith("simulator: no Kafka broker with the project's topics at 127.0.0.1:1")
    assert time.monotonic() - began < 30


def test_wrong_flags_end_with_exit_code_2_and_name_the_flag() -> None:
    told = simulator("run", "--vehicles", 0)
    assert told.returncode == 2
    assert "--vehicles" in told.stderr.replace("run.", "")


def test_a_wrong_script_of_faults_ends_with_one_line_and_exit_code_2_before_anything_is_sent(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[fault]]\nvehicle = 5\nfault = "misfire"\n', encoding="utf-8")
    told = simulator("run", "--bootstrap", "127.0.0.1:1", "--vehicles", 5, "--faults", script)
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"simulator: {script}:2: vehicle: 5 is not in the fleet; give a number from 0 to 4")
