"""A running stack for tests of the dashboard: hot path, projector, API and a small fleet that can be steered."""

from __future__ import annotations

import asyncio
import io
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from eventually import eventually
from PIL import Image
from serving import a_trip, partition_of, publish

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA, Reading
from contracts.snapshot import Snapshot, to_headers
from contracts.topics import DASHCAM_SNAPSHOTS, VEHICLE_READINGS, VEHICLES, Topic
from contracts.vehicle import Vehicle
from stack.ports import free_ports
from stack.processes import die_with_parent

HOSTILE = "<img src=x onerror=\"alert('model')\"> & ''\"` " + "Langerwagenname" * 6
HOT, FRUGAL, THIRSTY = "1HGCM82633A004352", "WVWZZZ1JZXW000001", "WVWZZZ1JZXW000002"
DAY_MS = 86_400_000
Sent = tuple[Topic, bytes, bytes, list[tuple[str, bytes]]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Cars:
    """Cars whose readings a test makes by hand."""

    def __init__(self) -> None:
        self._sequence = dict.fromkeys((HOT, FRUGAL, THIRSTY), 0)
        self._started_ms = now_ms() - 1_200_000

    def reading(self, vin: str, at_ms: int, **signals: Any) -> Sent:
        self._sequence[vin] += 1
        fields: dict[str, Any] = {
            "trip_distance_m": 6_000, "trip_fuel_ml": 400, "trip_idle_s": 20, "speed_kmh": 52.0, "engine_rpm": 2_100.0,
            "coolant_c": 91.0, "battery_v": 14.1, "oil_c": 98.0, "latitude_deg": 39.7434, "longitude_deg": -104.9847,
        }  # fmt: skip
        made = Reading(
            vehicle_id=vin,
            sequence=self._sequence[vin],
            recorded_at_ms=at_ms,
            trip_started_at_ms=self._started_ms,
            **(fields | signals),
        )
        return VEHICLE_READINGS, vin.encode(), encode(made), [("schema", READING_SCHEMA)]

    def heating(self, vin: str = HOT) -> list[Sent]:
        """Drive for forty seconds, in the last twenty of which the coolant is too hot."""
        end_ms = now_ms()
        return [
            self.reading(
                vin, end_ms - (40 - second) * 1_000, coolant_c=min(118.0, max(92.0, 92.0 + 2.6 * (second - 12)))
            )
            for second in range(40)
        ]

    def coded(self, vin: str, code: str) -> list[Sent]:
        """Drive for six seconds with a trouble code."""
        end_ms = now_ms()
        return [self.reading(vin, end_ms - (6 - second) * 1_000, trouble_codes=(code,)) for second in range(6)]


class Stage:
    """The programs, each a process of its own."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.cars = Cars()
        self._api_port, self.control_port, self._locked_port = free_ports(None, None, None)
        self.url = f"http://127.0.0.1:{self._api_port}"
        self.locked_url = f"http://127.0.0.1:{self._locked_port}"
        self._key = folder / "key.txt"
        self._programs: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        store = ("--store", f"sqlite:///{self.folder}/serving.db", "--views", str(self.folder / "views"))
        kafka = ("--bootstrap", self.bootstrap)
        control = ("--simulator-control", f"http://127.0.0.1:{self.control_port}")
        keys = ("--keys", str(self.folder / "none.json"), "--audit", str(self.folder / "audit.jsonl"))
        self._serve = ("api", "serve", *kafka, *store, *control, "--lake", str(self.folder / "lake"))
        self._open = (*keys, "--port", str(self._api_port))
        self._run("hot-path", "hot_path", "run", *kafka)
        self._run("projector", "api", "projector", *kafka, *store, "--status-port", "-1")
        self.start_api()
        fleet = ("--vehicles", "6", "--seed", "4", "--fault-rate", "0")
        steered = ("--control", str(self.control_port), "--status-port", "-1")
        self._run("simulator", "simulator", "run", *kafka, *fleet, *steered)

    def start_api(self) -> None:
        self._run("api", *self._serve, *self._open)

    def start_locked_api(self) -> None:
        """Make a key and serve those alone who have it; it becomes ready while other tests run."""
        api, keys = (sys.executable, "-m"), ("--keys", str(self.folder / "keys.json"))
        audit = ("--audit", str(self.folder / "audit-keys.jsonl"))
        made = shlex.join((*api, "api", "keys", "add", "ann", "--role", "operator", *keys, *audit))
        served = shlex.join((*api, *self._serve, *keys, "--port", str(self._locked_port)))
        self._start("locked api", "sh", "-c", f"{made} > {shlex.quote(str(self._key))} && exec {served}")

    def key(self) -> str:
        """Give the locked API's key, the longest word of what the command said when it made it."""
        return max(self._key.read_text(encoding="utf-8").split(), key=len)

    def is_locked_api_ready(self) -> bool:
        try:
            return httpx.get(f"{self.locked_url}/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def kill_api(self) -> None:
        self._programs["api"].kill()
        self._programs["api"].wait()

    def end(self) -> None:
        for program in reversed(self._programs.values()):
            program.kill()
            program.wait()

    def get(self, path: str) -> Any:
        try:
            response = httpx.get(self.url + path, timeout=5)
        except httpx.TransportError as error:
            raise OSError(path) from error
        assert response.status_code == 200, response.text
        return response.json()

    def send(self, *records: Sent) -> None:
        """Send to the broker; in a thread, as the browser's event loop runs in this one."""

        async def sending() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
                for topic, key, value, headers in records:
                    partition = partition_of_key(key, topic.partitions)
                    await producer.send(topic.name, value, key, partition=partition, headers=headers)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, sending()).result()

    def _run(self, name: str, module: str, *command: str) -> None:
        self._start(name, sys.executable, "-m", module, *command)

    def _start(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._programs[name] = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )


@contextmanager
def a_stage(bootstrap: str, folder: Path) -> Iterator[Stage]:
    """Run a stack that knows three cars, one of them too hot, with a batch version and what was rejected."""
    stage = Stage(bootstrap, folder)
    registry = {
        HOT: Vehicle(HOT, HOSTILE, "'; DROP", 2020, "<b>north</b>"),
        FRUGAL: Vehicle(FRUGAL, "Toyota", "Yaris", 2022, "south"),
        THIRSTY: Vehicle(THIRSTY, "Ford", "F-150", 2022, "south"),
    }
    _publish(folder, 1, registry)
    try:
        stage.start()
        stage.send(
            *_registered(registry.values()), *stage.cars.heating(), *_driven(stage.cars), *_broken(), _photographed()
        )
        eventually(lambda: stage.get("/v1/attention")["vehicles"], within_s=90)
        eventually(lambda: stage.get("/v1/pipeline")["vehicles"]["heard"] >= 3, within_s=60)
        eventually(lambda: stage.get("/v1/views")["served"] == 1, within_s=30)
        _publish(folder, 2, registry)
        eventually(lambda: stage.get("/v1/views")["served"] == 2, within_s=30)
        eventually(lambda: stage.get("/v1/simulator")["driving"] > 0, within_s=60)
        stage.start_locked_api()
        yield stage
    finally:
        stage.end()


def _publish(folder: Path, version: int, registry: dict[str, Vehicle]) -> None:
    at_ms = now_ms()
    trips = {}
    for day in range(1, 5):
        for number, (vin, millilitres) in enumerate(((HOT, 900), (FRUGAL, 480), (THIRSTY, 1_400))):
            started_ms = at_ms - day * DAY_MS - number * 60_000
            trips[vin, started_ms] = a_trip(9_000, millilitres + 7 * day, started_at_ms=started_ms)
    covered = {partition_of(vin): 0 for vin in registry}
    publish(folder / "views", version, trips, covered=covered, registry=registry, as_of_ms=at_ms)


def _registered(vehicles: Iterable[Vehicle]) -> list[Sent]:
    return [(VEHICLES, vehicle.vehicle_id.encode(), encode(vehicle), []) for vehicle in vehicles]


def _driven(cars: Cars) -> list[Sent]:
    at_ms = now_ms()
    return [
        cars.reading(vin, at_ms - 1_000, trip_distance_m=9_500, trip_fuel_ml=millilitres, longitude_deg=-104.98)
        for vin, millilitres in ((FRUGAL, 500), (THIRSTY, 1_450))
    ]


def _broken() -> list[Sent]:
    return [(VEHICLE_READINGS, THIRSTY.encode(), b'{"vehicle_id": "<script>alert(1)</script>', [])] * 2


def _photographed() -> Sent:
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), (40, 90, 160)).save(picture, "JPEG")
    told = Snapshot(HOT, "harsh_braking", now_ms() - 5_000, now_ms() - 1_200_000, 20, 52.0, detail="<i>4.1</i> m/s²")
    return DASHCAM_SNAPSHOTS, HOT.encode(), picture.getvalue(), list(to_headers(told))
