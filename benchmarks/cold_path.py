"""What the cold path costs: ingest of a backlog from a real broker, all views from it, and a run with little new.

python benchmarks/cold_path.py [--readings 10000000] [--quick] [--folder DIR] [--parts produce,ingest,views,large,fresh]

With --folder, broker data, lake and views stay there, so that the parts can be run one by one. Figures are kept after
each part. On two free cores 15 million take about a quarter of an hour, a million two minutes.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

# ruff: noqa: E402 - run as a script, this file would hide the package that it measures.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

import duckdb
import psutil
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from cold_path.lake.ingest import ingest
from cold_path.lake.table import Lake
from cold_path.operation.batch_run import BatchRun
from cold_path.operation.progress import Progress
from cold_path.operation.stages import Stages
from cold_path.operation.summary import Pins
from cold_path.settings import Run
from cold_path.source import broker
from cold_path.source.offsets import Plan, plan
from cold_path.source.registry import Registry, folded
from cold_path.spark.session import spark_session
from cold_path.views.recomputation import Basis, Recomputation
from contracts.topics import VEHICLE_READINGS, VEHICLES
from observability.terminal import Console, Table
from rules import default_rules_file, load_rules
from stack.broker import Broker, BrokerFiles
from stack.environment import machine_environment
from stack.memory import resident_mb
from stack.topics import ensure_topics

OUTPUT = Path("build/benchmarks/cold_path.json")
WAIT_S = 60.0
CARS, DAYS = 2_000, 3
HISTORY = 5_000_000
"""Readings that one call of the simulator writes, and that are ingested first."""
FRESH = 100_000
NOW_S = time.time  # noqa: TID251 - a benchmark's clock


@dataclass
class Bench:
    """One broker, one lake, one session, and the figures so far."""

    folder: Path
    bootstrap: str
    console: Console
    goes_on: bool = False
    """Whether the figures of earlier calls stay."""
    figures: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure a part, and keep its figures whatever becomes of the next."""
        began = time.monotonic()
        self.console.rule(name)
        yield
        self.note(f"memory_after_{name}_mb", resident_mb())
        self.note(f"part_{name}_s", time.monotonic() - began)
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(OUTPUT.read_text()) if OUTPUT.exists() and self.goes_on else {}
        OUTPUT.write_text(json.dumps(known | self.figures, indent=2) + "\n", encoding="utf-8")

    def note(self, name: str, value: float) -> None:
        self.figures[name] = round(value, 2)
        self.console.print(f"{name:45} {value:,.2f}")

    @property
    def lake(self) -> Path:
        return self.folder / "lake"


def produce(bench: Bench, readings: int, first_seed: int) -> None:
    """Write histories of as many fleets as it takes."""
    began = time.monotonic()
    for fleet in range(-(-readings // HISTORY)):
        _history(bench, seed=first_seed + fleet, days=DAYS, limit=min(readings, HISTORY))
    bench.note("backlog_produced_s", time.monotonic() - began)


def _history(bench: Bench, *, seed: int, days: float, limit: int, cars: int = CARS) -> None:
    command = [sys.executable, "-P", "-m", "simulator", "history", "--bootstrap", bench.bootstrap, "--seed", str(seed)]
    command += ["--vehicles", str(cars), "--days", str(days), "--limit", str(limit)]
    subprocess.run(command, check=True)


def measure_ingest(bench: Bench, spark: SparkSession, most: int) -> None:
    """Ingest in two commits, the second one measured: five million, or half the backlog, warm the session up."""
    lake = Lake(bench.lake)
    lake.refresh()
    for name in ("first_ingest", "ingest"):
        bounds = asyncio.run(broker.bounds(bench.bootstrap, VEHICLE_READINGS.name, wait_s=WAIT_S))
        whole = plan(lake.covered, bounds)
        limit = min(HISTORY, whole.offsets // 2) if name == "first_ingest" else most
        share = min(1.0, limit / max(whole.offsets, 1))
        ends = {at: start + round((whole.ends[at] - start) * share) for at, start in whole.starts.items()}
        if name == "ingest" or not lake.covered:
            _ingest(bench, spark, lake, Plan(whole.starts, ends, {}), name)
    size = sum(file.stat().st_size for file in bench.lake.rglob("*.parquet"))
    bench.note("lake_bytes_a_reading", size / lake.survey.rows)
    bench.note("reading_bytes", _mean_bytes(bench))


def _ingest(bench: Bench, spark: SparkSession, lake: Lake, planned: Plan, name: str) -> None:
    began, cpu_s = time.monotonic(), _cpu_s()
    with Progress(spark.sparkContext, bench.console).shown(name, planned.offsets):
        ingest(spark, lake, planned, bootstrap=bench.bootstrap, topic=VEHICLE_READINGS.name)
    took = time.monotonic() - began
    bench.note(f"{name}_readings_per_cpu_s", planned.offsets / (_cpu_s() - cpu_s))
    lake.refresh()
    bench.note(f"{name}_readings", planned.offsets)
    bench.note(f"{name}_readings_per_s", planned.offsets / took)


def _mean_bytes(bench: Bench) -> float:
    async def some() -> list[int]:
        found = broker.records(bench.bootstrap, VEHICLE_READINGS.name, {0: 2_000}, wait_s=WAIT_S)
        return [len(record.value or b"") async for record in found]

    lengths = asyncio.run(some())
    return sum(lengths) / max(len(lengths), 1)


def measure_views(bench: Bench, spark: SparkSession) -> None:
    """Compute all views from the lake's first commit, in a session that is warm, and the trips by DuckDB."""
    registry = _registry(bench)
    for name in ("warm_up", "small"):
        _measure_views(bench, spark, registry, 0, name)
    _beside_duckdb(bench)


def measure_large(bench: Bench, spark: SparkSession) -> None:
    """Compute all views from the whole lake."""
    _measure_views(bench, spark, _registry(bench), DeltaTable(str(bench.lake)).version(), "large")


def _measure_views(bench: Bench, spark: SparkSession, registry: Registry, version: int, name: str) -> None:
    files = DeltaTable(str(bench.lake), version=version)
    took = _views(bench, spark, registry, version, name)
    bench.note(f"views_{name}_s", sum(took.values()))
    bench.note(f"views_{name}_readings", sum(files.get_add_actions(flatten=True).column("num_records").to_pylist()))
    for view, seconds in took.items():
        bench.note(f"view_{view}_{name}_s", seconds)


def _views(bench: Bench, spark: SparkSession, registry: Registry, version: int, name: str) -> dict[str, float]:
    lake = spark.read.format("delta").option("versionAsOf", version).load(str(bench.lake))
    if name == "warm_up":  # enough for the compilers
        lake = lake.where(lake["partition"] < 3)
    text = default_rules_file().read_text(encoding="utf-8")
    basis = Basis(lake, registry, text, datetime.fromtimestamp(NOW_S(), UTC).date())
    folder = bench.folder / f"views-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    at = [time.monotonic()]
    told: list[str] = []

    progress = Progress(spark.sparkContext, bench.console)

    def on_view(view: str) -> None:
        told.append(view)
        at.append(time.monotonic())
        progress.computes(view)

    with progress.shown(f"views of the {name} lake", 1):
        Recomputation(spark, basis, folder, on_view=on_view).run()
    at.append(time.monotonic())
    return {view: at[number + 2] - at[number + 1] for number, view in enumerate(told)}


def _registry(bench: Bench) -> Registry:
    async def all_of() -> Registry:
        ends = (await broker.bounds(bench.bootstrap, VEHICLES.name, wait_s=WAIT_S)).ends
        found = [r async for r in broker.records(bench.bootstrap, VEHICLES.name, ends, wait_s=WAIT_S)]
        return folded(found, ends[0])

    return asyncio.run(all_of())


def _beside_duckdb(bench: Bench) -> None:
    """Let DuckDB compute the same trips from the same files, on as many threads."""
    files = list(DeltaTable(str(bench.lake), version=0).file_uris())
    connection = duckdb.connect(config={"threads": 2})
    counters = ("recorded_at_ms", "trip_distance_m", "trip_fuel_ml", "trip_idle_s")
    rows = connection.read_parquet(files).filter("rejected_reason IS NULL")
    greatest = ", ".join(f"max({name})" for name in ("partition", *counters))
    trip = "vehicle_id, trip_started_at_ms"
    trips = rows.aggregate(f"{trip}, {greatest}, count(*) FILTER (NOT repeated)", trip)
    took = []
    for _ in range(3):
        began = time.monotonic()
        trips.write_parquet(str(bench.folder / "duckdb.parquet"))
        took.append(time.monotonic() - began)
    bench.note("duckdb_trips_small_s", min(took))
    bench.note("trips_spark_over_duckdb", bench.figures["view_trips_small_s"] / min(took))


def measure_fresh(bench: Bench, spark: SparkSession) -> None:
    """Publish a version, let 100,000 readings arrive, and publish the next in the same session."""
    rules = default_rules_file()
    flags = {"bootstrap": bench.bootstrap, "lake": bench.lake, "views": bench.folder / "views"}
    asked = Run(_cli_parse_args=False, **flags)  # type: ignore[arg-type]
    pins = Pins(rules.read_text(encoding="utf-8"), load_rules(rules).hash, "benchmark")
    stages = Stages(Progress(spark.sparkContext, bench.console), now_s=NOW_S, is_stopping=lambda: False)
    run = BatchRun(spark, Lake(asked.lake), asked, pins, stages)
    began = time.monotonic()
    run.once()
    bench.note("first_version_run_s", time.monotonic() - began)
    for name in ("first_fresh", "fresh"):
        _history(bench, seed=1, days=0.2, limit=FRESH)
        began = time.monotonic()
        summary = run.once()
        bench.note(f"{name}_run_s", time.monotonic() - began)
        bench.note(f"{name}_readings", summary.ingested)
        for stage, seconds in summary.stage_seconds.items():
            bench.note(f"{name}_{stage}_s", seconds)
        bench.note(f"{name}_days_computed", -1 if summary.days_computed is None else summary.days_computed)


@contextmanager
def _broker(folder: Path) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    files = BrokerFiles.found(machine_environment())
    started = Broker.start(files, data=folder / "kafka", heap_mb=512, log=folder / "broker.log")
    try:
        started.wait_ready()
        asyncio.run(ensure_topics(started.bootstrap))
        yield started.bootstrap
    finally:
        started.stop()


def _cpu_s() -> float:
    """Give the CPU time of this process, the JVM and Spark's Python workers."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=15_000_000)
    parser.add_argument("--quick", action="store_true", help="a million readings")
    parser.add_argument("--folder", type=Path, help="keep everything here; default: a folder that is removed")
    parser.add_argument("--first-seed", type=int, default=1, help="of the fleets, when a backlog is made in parts")
    parser.add_argument("--parts", default="produce,ingest,views,large,fresh")
    asked = parser.parse_args()
    parts = asked.parts.split(",")
    with tempfile.TemporaryDirectory(prefix="cold-path-benchmark-") as scratch:
        folder = (asked.folder or Path(scratch)).absolute()
        with _broker(folder) as bootstrap:
            bench = Bench(folder, bootstrap, Console(), goes_on=asked.folder is not None)
            if "produce" in parts:
                with bench.part("produce"):
                    produce(bench, 1_000_000 if asked.quick else asked.readings, asked.first_seed)
            if set(parts) & {"ingest", "views", "large", "fresh"}:
                options = "-XX:+UseParallelGC"
                with spark_session(driver_memory="3g", java_options=options, log=folder / "spark.log") as spark:
                    _measure(bench, spark, parts, asked.readings)
    table = Table("figure", "value", title="cold path")
    for name, value in bench.figures.items():
        table.add_row(name, f"{value:,.2f}")
    bench.console.print(table)


def _measure(bench: Bench, spark: SparkSession, parts: list[str], most: int) -> None:
    measures: dict[str, Callable[[], None]] = {
        "ingest": lambda: measure_ingest(bench, spark, most),
        "views": lambda: measure_views(bench, spark),
        "large": lambda: measure_large(bench, spark),
        "fresh": lambda: measure_fresh(bench, spark),
    }
    for name, measure in measures.items():
        if name in parts:
            with bench.part(name):
                measure()


if __name__ == "__main__":
    main()
