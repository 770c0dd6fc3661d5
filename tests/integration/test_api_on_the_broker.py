from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from serving import VIN, Topics, a_state, a_trip, a_vehicle, an_alert, partition_of, publish

from contracts.topics import COLD_PATH_GROUP, HOT_PATH_GROUP, SERVING_GROUP
from stack.broker import Broker
from stack.ports import free_port


class Program:
    """One of the serving programs as a process, started again as often as a test wants."""

    def __init__(self, *command: str) -> None:
        self._command = [sys.executable, "-m", "api", *command]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def serving(module_broker: Broker, tmp_path: Path, url: str) -> Iterator[dict[str, Program]]:
    places = ["--store", f"sqlite:///{tmp_path}/serving.db", "--views", str(tmp_path / "views")]
    places += ["--bootstrap", module_broker.bootstrap]
    programs = {
        "projector": Program("projector", *places, "--status-port", "-1"),
        "serve": Program("serve", *places, "--port", url.rpartition(":")[2]),
    }
    yield programs
    for program in programs.values():
        program.kill()


def asked(url: str) -> httpx.Response:
    try:
        return httpx.get(url, timeout=10)
    except httpx.TransportError as error:
        raise OSError(url) from error  # not up yet


def get(url: str, path: str) -> dict[str, Any]:
    response = asked(url + path)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_both_questions_are_answered_from_kafka_and_views_whoever_is_killed(
    module_broker: Broker, serving: dict[str, Program], url: str, tmp_path: Path
) -> None:
    topics, trip = Topics(), a_trip(8_000, 700)
    publish(tmp_path / "views", 1, {(VIN, trip.trip_started_at_ms): trip}, covered={partition_of(VIN): 6})
    serving["serve"].start()
    eventually(lambda: asked(url + "/v1/attention").status_code == 503, within_s=60)
    serving["projector"].start()
    records = [
        topics.vehicle(a_vehicle()),
        topics.alert(an_alert("a")),
        topics.rejected(VIN, 3),
        *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=8)),
    ]

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=module_broker.bootstrap) as producer:
            for record in records:
                headers = record.headers
                await producer.send(record.topic, record.value, record.key, partition=record.partition, headers=headers)

    asyncio.run(send())

    def answers() -> tuple[Any, ...]:
        needs = [item["vehicle_id"] for item in get(url, "/v1/attention")["vehicles"]]
        ranking = get(url, "/v1/rankings/fuel-efficiency")
        places = [(place["key"], place["distance_m"], place["fuel_ml"]) for place in ranking["places"]]
        return needs, places, ranking["batch_view_version"], get(url, "/v1/pipeline")["rejected_readings"]

    expected = ([VIN], [(VIN, 9_000, 800)], 1, {"not_json": 1})
    eventually(lambda: answers() == expected, within_s=60)
    for program in serving.values():
        program.kill()
        program.start()
    eventually(lambda: answers() == expected, within_s=60)
    lag = get(url, "/v1/pipeline")["lag"]
    assert lag["status"] == "available"
    assert {group["group"]: group["lag"] for group in lag["groups"]} == {
        HOT_PATH_GROUP: 0,
        COLD_PATH_GROUP: 0,
        SERVING_GROUP: 0,
    }
