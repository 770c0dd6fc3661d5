"""The hot path beside a stock Faust agent and a bare aiokafka loop with the same rules, on a real broker.

Readings per CPU-second of the whole process, start-up left out; event to alert, broker time to broker time; memory,
restoring, and where the time goes. The same settings of the garbage collector for all.

    python benchmarks/hot_path.py [--quick] [--bootstrap HOST:PORT]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from _fleet import Fleet
from _latency import drive, latencies_ms, percentile
from _program import Program
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from contracts.reading import READING_SCHEMA
from contracts.topics import READING_PARTITIONS, TOPICS
from stack.broker import Broker, BrokerFiles
from stack.environment import machine_environment
from stack.topics import ensure_topics

OUTPUT = Path("build/benchmarks/hot_path.json")
CANDIDATES = ("hot_path", "bare_loop", "stock_faust")
IN_AN_EPISODE = 0.005
STOCK_S = 10.0
"""Stock Faust is measured once and over this long, not to the end of the readings: it is ten times slower."""
WARM_UP_S = 4
Figures = dict[str, float]
Fleets = tuple[tuple[int, int], ...]
"""Vehicles, and seconds of event time at one reading a second."""


def main() -> None:
    options = _options()
    fleets: Fleets = ((10_000, 20), (100_000, 3)) if options.quick else ((10_000, 40), (100_000, 6))
    rates = (5_000,) if options.quick else (5_000, 20_000, 50_000)
    runs = 1 if options.quick else 3
    with tempfile.TemporaryDirectory() as folder:
        broker = None
        if options.bootstrap is None:
            files = BrokerFiles.found(machine_environment())
            broker = Broker.start(files, data=Path(folder) / "kafka", log=Path(folder) / "broker.log").wait_ready()
        try:
            bench = Bench(options.bootstrap or broker.bootstrap, Path(folder))  # type: ignore[union-attr]
            figures = _stages()
            for vehicles, seconds in fleets:
                figures |= bench.throughput(vehicles, seconds, runs=runs)
            for rate in rates:
                figures |= bench.latency("hot_path", rate, seconds=8 if options.quick else 12)
            figures |= bench.latency("stock_faust", rates[0], seconds=8 if options.quick else 12)
        finally:
            if broker is not None:
                broker.stop()
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n")
    _tell(figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run each of smaller fleets, one rate")
    parser.add_argument("--bootstrap", help="a broker to use; without it one is started")
    return parser.parse_args()


def _stages() -> Figures:
    command = [sys.executable, "-P", str(Path(__file__).with_name("_stages.py"))]
    told: Figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


class Bench:
    """Topics and programs on one broker."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._bootstrap = bootstrap
        self._folder = folder

    def throughput(self, vehicles: int, seconds: int, *, runs: int) -> Figures:
        """Measure all candidates over one backlog, interleaved."""
        mark = f"-{vehicles}"
        asyncio.run(self._topics(mark))
        size = asyncio.run(self._fill(f"vehicle-readings{mark}", vehicles, seconds))
        readings = vehicles * seconds
        speeds: dict[str, list[float]] = {name: [] for name in CANDIDATES}
        memory_mb = 0.0
        for run in range(runs):
            for name in CANDIDATES if run == 0 else CANDIDATES[:2]:
                program = self._program(name, mark, group=f"{name}{mark}-{run}")
                with program:
                    # Every vehicle is met once, and then known for days: what meeting costs is left out.
                    speed, memory = program.speed(readings, STOCK_S if name == "stock_faust" else 60.0, after=vehicles)
                speeds[name].append(speed)
                memory_mb = memory if name == "hot_path" else memory_mb
        median = {name: statistics.median(found) for name, found in speeds.items()}
        fleet = f"_{vehicles // 1_000}k"
        found: Figures = {f"{name}_readings_per_cpu_s{fleet}": round(speed) for name, speed in median.items()}
        found |= {f"bytes_per_reading{fleet}": size, f"hot_path_memory_mb{fleet}": round(memory_mb)}
        found[f"times_stock_faust{fleet}"] = round(median["hot_path"] / median["stock_faust"], 1)
        found[f"share_of_bare_loop{fleet}"] = round(median["hot_path"] / median["bare_loop"], 2)
        return found | {f"restore_s{fleet}": self._restored_s(mark, f"hot_path{mark}-{runs - 1}")}

    def _restored_s(self, mark: str, group: str) -> float:
        """Measure how much longer a start takes with this fleet's states than a start with none."""
        asyncio.run(self._topics(f"{mark}-empty"))
        with self._program("hot_path", f"{mark}-empty", group=f"{group}-empty") as empty:
            without_s = empty.seconds_until_owned()
        with self._program("hot_path", mark, group=group) as full:
            with_s: float = full.seconds_until_owned()
        longer_s: float = round(with_s - without_s, 1)
        return longer_s

    def latency(self, name: str, rate: int, *, seconds: int) -> Figures:
        """Measure event to alert at a steady rate."""
        mark = f"-{name}-{rate}"
        asyncio.run(self._topics(mark))
        with self._program(name, mark, group=f"{name}{mark}") as program:
            program.seconds_until_ready()
            time.sleep(2)
            from_ms = int(time.time() * 1000) + WARM_UP_S * 1_000  # noqa: TID251
            reached = asyncio.run(drive(self._bootstrap, f"vehicle-readings{mark}", rate=rate, seconds=seconds))
            time.sleep(1)
            found = asyncio.run(latencies_ms(self._bootstrap, f"engine-alerts{mark}", from_ms=from_ms))
        figures: Figures = {f"p{share * 100:g}_ms": percentile(found, share) for share in (0.5, 0.99, 0.999)}
        figures |= {"alerts": len(found), "rate_reached": round(reached, 2)}
        return {f"{name}_at_{rate}_{figure}": value for figure, value in figures.items()}

    def _program(self, name: str, mark: str, *, group: str) -> Program:
        return Program(name, bootstrap=self._bootstrap, mark=mark, group=group, folder=self._folder)

    async def _topics(self, mark: str) -> None:
        await ensure_topics(self._bootstrap, [replace(topic, name=topic.name + mark) for topic in TOPICS])

    async def _fill(self, topic: str, vehicles: int, seconds: int) -> int:
        start_ms = int(time.time() * 1000) - seconds * 1_000  # noqa: TID251
        fleet = Fleet(vehicles, share=IN_AN_EPISODE, start_ms=start_ms)
        size = 0
        async with AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", compression_type="zstd", max_batch_size=256 * 1024
        ) as producer:
            batches = {number: producer.create_batch() for number in range(READING_PARTITIONS)}
            for second in range(seconds):
                for partition, key, value in fleet.second(second):
                    size += len(value)
                    record = {"key": key, "value": value, "timestamp": None, "headers": [("schema", READING_SCHEMA)]}
                    if batches[partition].append(**record) is None:
                        await producer.send_batch(batches[partition], topic, partition=partition)
                        batches[partition] = producer.create_batch()
                        batches[partition].append(**record)
            for partition, batch in batches.items():
                await producer.send_batch(batch, topic, partition=partition)
            await producer.flush()
        return round(size / vehicles / seconds)


def _tell(figures: Figures) -> None:
    table = Table("figure", "value", title="hot path beside a bare loop and a stock Faust agent")
    for name, value in figures.items():
        table.add_row(name, f"{value:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
