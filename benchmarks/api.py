"""The API over a full store while the projector writes: latency under load, rankings, live alerts, start; projector.

    python benchmarks/api.py [--quick] [--store sqlite|postgresql] [--keep FOLDER]

The store holds 100,000 vehicles, 30 days of trips and 200,000 alerts; `--keep` fills it once and uses it again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import _own_package  # noqa: F401 - before what is named like this file
import httpx
from _api_load import loaded
from _api_mix import mix
from _full_store import Size, an_alert, filled, states, today_ms
from aiokafka import AIOKafkaProducer

from contracts.codec import encode
from contracts.record import Record
from contracts.topics import ENGINE_ALERTS
from observability.terminal import Console, Table
from stack.broker import Broker, BrokerFiles
from stack.environment import machine_environment
from stack.ports import free_port
from stack.topics import ensure_topics

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from filled_readings import fill_readings

OUTPUT = Path("build/benchmarks/api.json")
RATE = 300.0
TURNS = 50
"""Of the ten routes asked most, each time of another vehicle, alert, fleet or place."""
WRITTEN_PER_S = 500
"""Vehicle states that the projector writes meanwhile."""
Figures = dict[str, float]


def main() -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every retry while topics are new
    options = _options()
    size = Size(5_000, 30, 10_000) if options.quick else Size(100_000, 30, 200_000)
    seconds = 8 if options.quick else 30
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(_store(options.store, folder, "serving"))
        figures = {"store_filled_s": filled(url, size, options.keep, folder)}
        broker = stack.enter_context(_broker(folder))
        figures |= _projector(broker, options.store, folder, rows=20_000 if options.quick else 200_000)
        bench = Bench(broker, url, folder, mix(size, TURNS))
        with bench.projector():
            figures |= bench.start_up()
            with bench.api(), bench.writing(size):
                figures |= bench.load(seconds)
                figures |= bench.live_alerts(100 if options.quick else 300)
                figures |= bench.pages(size)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    name = OUTPUT if options.store == "sqlite" else OUTPUT.with_name(f"api_{options.store}.json")
    name.write_text(json.dumps(figures, indent=2) + "\n")
    table = Table("figure", "value")
    for figure, value in figures.items():
        table.add_row(figure, f"{value:,.2f}")
    Console().print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small store and short runs")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--keep", type=Path, help="folder that keeps the filled SQLite store for the next time")
    return parser.parse_args()


@contextmanager
def _store(kind: str, folder: Path, name: str) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/{name}.db"
        return
    from postgres import running_postgres  # noqa: PLC0415 - the tests' own set-up of a server

    with running_postgres({"shared_buffers": "512MB", "max_wal_size": "4GB"}) as server:
        yield server.database()


@contextmanager
def _broker(folder: Path) -> Iterator[Broker]:
    broker = Broker.start(BrokerFiles.found(machine_environment()), data=folder / "kafka", log=folder / "broker.log")
    try:
        broker.wait_ready()
        asyncio.run(ensure_topics(broker.bootstrap))
        fill_readings(broker.bootstrap)
        yield broker
    finally:
        broker.stop()


async def _send(bootstrap: str, records: Iterator[Record]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, max_batch_size=2**18) as producer:
        for record in records:
            await producer.send(record.topic, record.value, record.key, partition=record.partition)


def _projector(broker: Broker, kind: str, folder: Path, *, rows: int) -> Figures:
    """Let a projector catch up with states of as many vehicles in flushes of 1,000: two rows a state."""
    now_ms = today_ms()
    for turn in range(rows // 2 // 1_000):
        numbers = range(turn * 1_000, (turn + 1) * 1_000)
        asyncio.run(_send(broker.bootstrap, states(numbers, turn + 1, now_ms)))
    with _store(kind, folder, "empty") as url, Child(folder, "projector", broker, url) as projector:
        first = _written(projector, above=0.0)
        began = time.monotonic()
        last = _written(projector, above=rows - 1.0)
        rate = (last - first) / (time.monotonic() - began)
    return {f"projector_rows_per_s_{kind}": rate}


def _written(projector: Child, *, above: float) -> float:
    """Wait until more rows are written than that; give how many."""
    while True:
        told = projector.metrics()
        written = sum(told.get(f'projected_rows_total{{kind="{kind}"}}', 0.0) for kind in ("vehicle_state", "trip"))
        if written > above:
            return written
        time.sleep(0.05)


class Child:
    """`api projector` as a process that tells its metrics."""

    def __init__(self, folder: Path, name: str, broker: Broker, url: str) -> None:
        self._port = free_port()
        self._log = folder / f"{name}.log"
        self._command = [
            sys.executable, "-P", "-m", "api", "projector", "--bootstrap", broker.bootstrap, "--store", url,
            "--views", str(folder / "views"), "--status-port", str(self._port),
        ]  # fmt: skip

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=self._log.open("wb"))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def metrics(self) -> dict[str, float]:
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5).read().decode()
        except OSError:
            return {}
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}


class Bench:
    """The API beside a projector that writes."""

    def __init__(self, broker: Broker, url: str, folder: Path, paths: list[str]) -> None:
        self._broker = broker
        self._store = url
        self._folder = folder
        self._paths = paths
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    @contextmanager
    def projector(self) -> Iterator[None]:
        with Child(self._folder, "full-projector", self._broker, self._store):
            yield

    def _serve(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-P", "-m", "api", "serve", "--bootstrap", self._broker.bootstrap, "--store", self._store,
            "--views", str(self._folder / "views"), "--port", str(self._port),
        ]  # fmt: skip
        return subprocess.Popen(command, cwd=self._folder, stderr=(self._folder / "api.log").open("ab"))

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def start_up(self) -> Figures:
        """Measure from the start of the process to its first answer, after one start that fills the system's caches."""
        taken = []
        for _ in range(3):
            began = time.monotonic()
            process = self._serve()
            while not self._ready():
                time.sleep(0.01)
            taken.append(time.monotonic() - began)
            process.terminate()
            process.wait(20)
        return {"start_up_s": sorted(taken)[1]}

    @contextmanager
    def api(self) -> Iterator[None]:
        process = self._serve()
        try:
            while not self._ready():
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)

    @contextmanager
    def writing(self, size: Size) -> Iterator[None]:
        """Let flushes come, a slice of the fleet each second."""
        over = threading.Event()

        def write() -> None:
            turn = 0
            while not over.wait(1.0):
                first = turn * WRITTEN_PER_S % size.vehicles
                numbers = range(first, min(size.vehicles, first + WRITTEN_PER_S))
                asyncio.run(_send(self._broker.bootstrap, states(numbers, 2_000_000 + turn, today_ms())))
                turn += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield
        finally:
            over.set()
            writer.join()

    def load(self, seconds: int) -> Figures:
        loaded(self.url, self._paths, rate=RATE, seconds=3, folder=self._folder)
        figures = loaded(self.url, self._paths, rate=RATE, seconds=seconds, folder=self._folder)
        return {f"mix_{name}": value for name, value in figures.items()}

    def live_alerts(self, number: int) -> Figures:
        """Measure from the broker's time of an alert to its arrival at a listener, under the same load."""
        with ExitStack() as stack:
            stack.enter_context(_loading(self.url, self._paths, self._folder, number // 10 + 3))
            waits = sorted(asyncio.run(self._heard(number)))
        return {
            "sse_alerts": len(waits),
            "sse_p50_ms": waits[len(waits) // 2],
            "sse_p99_ms": waits[int(len(waits) * 0.99) - 1],
        }

    async def _heard(self, number: int) -> list[float]:
        waits: list[float] = []
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream("GET", f"{self.url}/v1/alerts/stream") as stream,
        ):
            lines = stream.aiter_lines()
            async for line in lines:
                if line.startswith("id:"):
                    break
            sending = asyncio.create_task(self._alerts(number))
            async for line in lines:
                if line.startswith('data: {"alert_id"'):
                    waits.append(time.time() * 1000 - json.loads(line[6:])["available_at_ms"])  # noqa: TID251
                    if len(waits) == number:
                        break
            await sending
        return waits

    async def _alerts(self, number: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._broker.bootstrap) as producer:
            for n in range(number):
                alert = an_alert(f"live-{time.monotonic_ns()}", n, today_ms())
                await producer.send(
                    ENGINE_ALERTS.name, encode(alert), alert.vehicle_id.encode(), partition=alert.partition
                )
                await asyncio.sleep(0.1)

    def pages(self, size: Size) -> Figures:
        """Read a ranking of all vehicles page by page, as the projector writes."""
        taken: list[float] = []
        cursor, ranked = None, 0
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while len(taken) < max(20, size.vehicles // 500):
                asked: dict[str, str | int] = {"period_kind": "last_30_days", "limit": 500}
                asked |= {"cursor": cursor} if cursor else {}
                began = time.perf_counter()
                page = client.get("/v1/rankings/fuel-efficiency", params=asked).json()
                taken.append((time.perf_counter() - began) * 1000)
                cursor, ranked = page["next_cursor"], page["ranked"]
        taken.sort()
        return {
            "ranking_vehicles": ranked, "ranking_page_p50_ms": taken[len(taken) // 2],
            "ranking_page_p99_ms": taken[int(len(taken) * 0.99) - 1], "ranking_page_worst_ms": taken[-1],
        }  # fmt: skip


@contextmanager
def _loading(url: str, paths: list[str], folder: Path, seconds: int) -> Iterator[None]:
    load = threading.Thread(
        target=loaded, args=(url, paths), kwargs={"rate": RATE, "seconds": seconds, "folder": folder}
    )
    load.start()
    try:
        yield
    finally:
        load.join()


if __name__ == "__main__":
    main()
