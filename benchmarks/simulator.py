"""What the simulator costs: the fleet's tick, the encoding, and days of history into a real broker.

python benchmarks/simulator.py [--vehicles 20000] [--ticks 20] [--readings 500000] [--bootstrap HOST:PORT]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# ruff: noqa: E402 - run as a script, this file would hide the package that it measures.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

from rich.console import Console
from rich.table import Table

from simulator.faults.fault import Faults
from simulator.live.live_fleet import LiveFleet
from simulator.readings.rows import ReadingRows
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet
from stack.broker import Broker, BrokerFiles
from stack.environment import machine_environment
from stack.topics import ensure_topics

OUTPUT = Path("build/benchmarks/simulator.json")
WARM_UP_TICKS = 8
"""Until then most cars have begun their trips, and the tables of ready text are made."""
HISTORY_VEHICLES = 200
HISTORY_DAYS = 3


def main() -> None:
    options = _options()
    figures = _live(options.vehicles, options.ticks)
    with _broker(options.bootstrap) as bootstrap:
        figures |= _history(bootstrap, options.readings)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    table = Table("figure", "value", title="simulator")
    for name, value in figures.items():
        table.add_row(name, f"{value:,}")
    Console().print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=20_000)
    parser.add_argument("--ticks", type=int, default=20)
    parser.add_argument("--readings", type=int, default=500_000)
    parser.add_argument("--bootstrap")
    return parser.parse_args()


def _live(vehicles: int, ticks: int) -> dict[str, float]:
    """Measure CPU microseconds a reading of the tick and of the encoding."""
    faults = Faults(vehicles, per_vehicle_hour=1, growth_s=15, repair_s=90)
    book = road_book(network("denver", seed=1, segments=0), 1)
    live = LiveFleet(fleet(vehicles, 1), book, seed=1, start_ms=1_790_000_000_000, rate_hz=1, faults=faults)
    rows = ReadingRows(8192)
    for _ in range(WARM_UP_TICKS):
        rows.encode(live.tick()[0])
    readings, tick_s, encode_s = 0, 0.0, 0.0
    for _ in range(ticks):
        began = time.process_time()
        columns = live.tick()[0]
        ticked = time.process_time()
        rows.encode(columns)
        encode_s += time.process_time() - ticked
        tick_s += ticked - began
        readings += len(columns)
    return {
        "vehicles": vehicles,
        "tick_us_per_reading": round(tick_s / readings * 1e6, 2),
        "encode_us_per_reading": round(encode_s / readings * 1e6, 2),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _history(bootstrap: str, limit: int) -> dict[str, float]:
    """Measure `simulator history` as a user starts it, start-up of the interpreter left out."""
    command = [sys.executable, "-m", "simulator", "history", "--bootstrap", bootstrap, "--json", "--limit", str(limit)]
    command += ["--vehicles", str(HISTORY_VEHICLES), "--days", str(HISTORY_DAYS)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    cpu_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return {
        "history_readings": told["readings_produced"],
        "history_seconds": told["seconds"],
        "history_readings_per_s": told["readings_per_s"],
        "history_readings_per_cpu_s": round(told["readings_produced"] / cpu_s),
    }


@contextmanager
def _broker(bootstrap: str | None) -> Iterator[str]:
    if bootstrap is not None:
        yield bootstrap
        return
    with tempfile.TemporaryDirectory() as folder:
        files = BrokerFiles.found(machine_environment())
        broker = Broker.start(files, data=Path(folder) / "data", heap_mb=512, log=Path(folder) / "broker.log")
        try:
            ready = broker.wait_ready()
            asyncio.run(ensure_topics(ready.bootstrap))
            yield ready.bootstrap
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
