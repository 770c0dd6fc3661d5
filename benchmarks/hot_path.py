"""Readings per CPU-second of the hot path, beside a stock Faust agent and a bare loop with the same rules.

Three whole programs read one backlog of full-size readings from a real broker, one after the other. Each tells its own
CPU time and count; start-up is left out by taking differences between two looks.

    python benchmarks/hot_path.py [--vehicles 10000] [--seconds 40] [--bootstrap HOST:PORT]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA, Reading
from contracts.topics import READING_PARTITIONS, TOPICS
from stack.broker import Broker, BrokerFiles
from stack.environment import machine_environment
from stack.ports import free_port
from stack.topics import ensure_topics

OUTPUT = Path("build/benchmarks/hot_path.json")
_HERE = Path(__file__).parent
_PYTHON = [sys.executable, "-P"]  # -P, as this file's folder would hide the hot path behind its own benchmark
CANDIDATES: dict[str, tuple[str, list[str | Path]]] = {
    "hot_path": ("hot path, all rules, states flushed", [*_PYTHON, "-m", "hot_path", "run"]),
    "bare_loop": ("bare aiokafka loop, same chunk fetch and rules", [*_PYTHON, _HERE / "_bare_loop.py"]),
    "stock_faust": ("stock Faust agent, same rules", [*_PYTHON, _HERE / "_stock_faust.py"]),
}
LONGEST_S = 25.0
IN_AN_EPISODE = 200
"""One vehicle of this many overheats: 0.5 %."""


class Look(NamedTuple):
    """What a program told at one moment."""

    readings: float
    cpu_s: float
    memory_mb: float


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        broker = None
        if options.bootstrap is None:
            files = BrokerFiles.found(machine_environment())
            broker = Broker.start(files, data=Path(folder) / "kafka", log=Path(folder) / "broker.log").wait_ready()
        try:
            bootstrap = options.bootstrap or broker.bootstrap  # type: ignore[union-attr]
            figures = asyncio.run(_fill(bootstrap, options.vehicles, options.seconds))
            for name, (_, command) in CANDIDATES.items():
                figures |= _measured(name, command, bootstrap, int(figures["readings"]), Path(folder))
        finally:
            if broker is not None:
                broker.stop()
    figures["times_stock_faust"] = figures["hot_path_readings_per_cpu_s"] / figures["stock_faust_readings_per_cpu_s"]
    figures["share_of_bare_loop"] = figures["hot_path_readings_per_cpu_s"] / figures["bare_loop_readings_per_cpu_s"]
    _tell(figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vehicles", type=int, default=10_000)
    parser.add_argument(
        "--seconds", type=int, default=40, help="of event time; each vehicle sends one reading a second"
    )
    parser.add_argument("--bootstrap", help="an empty broker to use; without it one is started")
    return parser.parse_args()


async def _fill(bootstrap: str, vehicles: int, seconds: int) -> dict[str, float]:
    await ensure_topics(bootstrap, TOPICS)
    topic = TOPICS[0].name
    size = 0
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="zstd", max_batch_size=256 * 1024
    ) as producer:
        batches = {number: producer.create_batch() for number in range(READING_PARTITIONS)}
        sent = []
        for partition, key, value in _readings(vehicles, seconds):
            size += len(value)
            record = {"key": key, "value": value, "timestamp": None, "headers": [("schema", READING_SCHEMA)]}
            if batches[partition].append(**record) is None:
                sent.append(await producer.send_batch(batches[partition], topic, partition=partition))
                batches[partition] = producer.create_batch()
                batches[partition].append(**record)
        for partition, batch in batches.items():
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)
    count = vehicles * seconds
    return {"readings": count, "vehicles": vehicles, "bytes_per_reading": round(size / count)}


def _readings(vehicles: int, seconds: int) -> Iterator[tuple[int, bytes, bytes]]:
    begun_ms = int(time.time() * 1000) - seconds * 1000  # noqa: TID251
    cars = [_car(number, begun_ms) for number in range(vehicles)]
    keyed = [(car, car.vehicle_id.encode()) for car in cars]
    homes = [(partition_of_key(key, READING_PARTITIONS), key, car) for car, key in keyed]
    for second in range(seconds):
        for partition, key, car in homes:
            car.sequence = second
            car.recorded_at_ms = begun_ms + second * 1000
            car.trip_distance_m = second * 22
            car.trip_fuel_ml = second * 2
            car.odometer_m = 48_210_331 + second * 22
            yield partition, key, encode(car)


def _car(number: int, begun_ms: int) -> Reading:
    return Reading(
        vehicle_id=f"WVWZZZ1JZ{number:08d}", sequence=0, recorded_at_ms=begun_ms, trip_started_at_ms=begun_ms,
        trip_distance_m=0, speed_kmh=79.2, engine_rpm=2143.0, trip_fuel_ml=0, trip_idle_s=0, ignition_on=True,
        odometer_m=0, latitude_deg=50.110924, longitude_deg=8.682127, altitude_m=112.4, heading_deg=271.3,
        acceleration_mps2=0.12, engine_load_pct=41.2, throttle_pct=18.4, manifold_kpa=61.3, air_flow_gps=14.62,
        intake_air_c=24.1, ambient_air_c=17.5, coolant_c=114.2 if number % IN_AN_EPISODE == 0 else 91.4, oil_c=98.7,
        oil_pressure_kpa=312.5, oil_level="NORMAL", battery_v=14.12, fuel_level_pct=63.2, short_fuel_trim_pct=1.6,
        long_fuel_trim_pct=-0.8, misfires=0, tyre_pressures_kpa=(231.0, 230.5, 229.5, 230.0), trouble_codes=(),
    )  # fmt: skip


def _measured(name: str, command: list[str | Path], bootstrap: str, readings: int, folder: Path) -> dict[str, float]:
    port = free_port()
    group = ["--app-id", f"benchmark-{name}", "--status-port", str(port), "--bootstrap", bootstrap]
    with (folder / f"{name}.log").open("wb") as output:
        process = subprocess.Popen([*command, *group], stdout=output, stderr=subprocess.STDOUT)
    try:
        first = _look_until(lambda look: look.readings > 0, port, process, 60)
        last = _look_until(lambda look: look.readings >= readings, port, process, LONGEST_S)
    except RuntimeError as error:
        raise SystemExit(f"{name}: {error}\n{(folder / f'{name}.log').read_text()[-2000:]}") from error
    finally:
        process.terminate()
        process.wait(20)
    speed = (last.readings - first.readings) / (last.cpu_s - first.cpu_s)
    return {f"{name}_readings_per_cpu_s": round(speed), f"{name}_memory_mb": round(last.memory_mb)}


def _look_until(
    is_enough: Callable[[Look], bool], port: int, process: subprocess.Popen[bytes], within_s: float
) -> Look:
    until = time.monotonic() + within_s
    look = Look(0, 0, 0)
    while not is_enough(look) and time.monotonic() < until:
        time.sleep(0.2)
        if process.poll() is not None:
            raise RuntimeError(f"ended with code {process.returncode}")
        look = _look(port) or look
    if not look.readings:
        raise RuntimeError("has read nothing")
    return look


def _look(port: int) -> Look | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            told = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
    except OSError:
        return None
    names = ("readings_processed_total", "process_cpu_seconds_total", "process_resident_memory_bytes")
    readings, cpu_s, memory = (float(told[name]) for name in names)
    return Look(readings, cpu_s, memory / 1e6)


def _tell(figures: dict[str, float]) -> None:
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n")
    size, vehicles = figures["bytes_per_reading"], figures["vehicles"]
    head = f"{figures['readings']:,.0f} readings of {size:.0f} bytes (zstd), {vehicles:,.0f} vehicles"
    table = Table("", "readings per CPU-second", "x stock", "MB", title=head)
    for name, (title, _) in CANDIDATES.items():
        speed = figures[f"{name}_readings_per_cpu_s"]
        times = speed / figures["stock_faust_readings_per_cpu_s"]
        table.add_row(title, f"{speed:,.0f}", f"{times:.1f}", f"{figures[f'{name}_memory_mb']:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
