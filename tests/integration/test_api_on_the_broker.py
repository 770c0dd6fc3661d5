from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from filled_readings import FILLED, fill_readings
from serving import OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, partition_of, publish
from sse import Event, Reader

from contracts.record import Record
from contracts.topics import COLD_PATH_GROUP, HOT_PATH_GROUP, READING_PARTITIONS, SERVING_GROUP
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
    fill_readings(module_broker.bootstrap)
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


def send(broker: Broker, records: Iterable[Record]) -> None:
    async def sending() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            for record in records:
                headers = record.headers
                await producer.send(record.topic, record.value, record.key, partition=record.partition, headers=headers)

    asyncio.run(sending())


class Listening(threading.Thread):
    """A browser's EventSource: comes back after every break, with the last id."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._reader = Reader()
        self._is_over = False
        self.heard: list[Event] = []
        self.breaks = 0

    def run(self) -> None:
        while not self._is_over:
            with suppress(httpx.TransportError):
                self._listen()
            self.breaks += 1
            time.sleep(0.05)

    def _listen(self) -> None:
        headers = {"Last-Event-ID": self._reader.last_id} if self._reader.last_id else {}
        with httpx.stream("GET", f"{self._url}/v1/alerts/stream", headers=headers, timeout=5) as response:
            if response.status_code == 200:
                for event in self._reader.events(response.iter_lines()):
                    self.heard.append(event)

    @property
    def position(self) -> str:
        return self._reader.last_id

    def stop(self) -> None:
        self._is_over = True


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

    send(module_broker, records)

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
        HOT_PATH_GROUP: FILLED * READING_PARTITIONS,
        COLD_PATH_GROUP: FILLED * READING_PARTITIONS,
        SERVING_GROUP: 0,
    }


def test_a_stream_is_taken_up_without_loss_or_repeat_however_often_the_api_is_killed(
    module_broker: Broker, serving: dict[str, Program], url: str
) -> None:
    topics = Topics()
    for program in serving.values():
        program.start()
    eventually(lambda: get(url, "/health/ready"), within_s=60)
    listening = Listening(url)
    listening.start()
    eventually(lambda: listening.position, within_s=60)
    expected: set[str] = set()
    for turn in range(4):
        ids = [f"s{turn}.{n}" for n in range(100)]
        vins = (VIN, OTHER_VIN)
        send(module_broker, [topics.alert(an_alert(one, vehicle_id=vins[n % 2])) for n, one in enumerate(ids)])
        expected.update(ids)
        serving["serve"].kill()
        serving["serve"].start()

    def heard() -> list[str]:
        ids = (json.loads(event.data)["alert_id"] for event in listening.heard if event.kind == "alert")
        return [one for one in ids if one.startswith("s")]  # the broker also holds what another test has sent

    eventually(lambda: len(heard()) >= len(expected), within_s=60)
    time.sleep(0.5)  # what would be repeated
    listening.stop()
    assert listening.breaks >= 3
    assert {event.kind for event in listening.heard} == {"alert"}
    assert (len(heard()), set(heard())) == (len(expected), expected)


def test_what_people_do_survives_the_store(
    module_broker: Broker, serving: dict[str, Program], url: str, tmp_path: Path
) -> None:
    for program in serving.values():
        program.start()
    send(module_broker, [Topics().alert(an_alert("w"))])
    eventually(lambda: get(url, "/v1/alerts/w"), within_s=60)
    action = {"by": "ann", "note": "seen", "action_id": "k"}

    def acknowledged() -> dict[str, Any]:
        response = httpx.post(f"{url}/v1/alerts/w/acknowledge", json=action, timeout=10)
        assert response.status_code == 200, response.text  # 202 while the projector is slow; the same may be sent again
        answer: dict[str, Any] = response.json()
        return answer

    answer = eventually(acknowledged)
    assert (answer["acknowledged_by"], len(answer["actions"])) == ("ann", 1)
    assert httpx.post(f"{url}/v1/alerts/w/resolve", json={"by": "ann"}, timeout=10).status_code == 409
    for file in tmp_path.glob("serving.db*"):
        file.unlink()
    eventually(lambda: get(url, "/v1/alerts/w") == answer, within_s=60)
