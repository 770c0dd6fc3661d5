"""What the simulator costs: tick and encoding alone, a live fleet at 1 Hz into a real broker, and days of history.

python benchmarks/simulator.py [--vehicles 120000] [--seconds 60] [--readings 4000000] [--bootstrap HOST:PORT]

A fleet at 1 Hz has some cars parked: 120,000 vehicles keep about 100,000 on the road. The program is bound to one core;
its CPU time is that of the whole process, threads included, over the sustained part, from when the cars are on the
road. A history is written twice: on all cores, and bound to one. None is lost when the broker holds what the program
says it produced.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time

import _own_package  # noqa: F401 - before what is named like this file
import psutil
from _figures import keep, tell
from _own_broker import own_broker
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import VEHICLE_READINGS
from simulator.faults.fault import Faults
from simulator.live.live_fleet import LiveFleet
from simulator.readings.rows import ReadingRows
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet

WARM_UP_TICKS = 8
"""Until then most cars have begun their trips, and the tables of ready text are made."""
HISTORY_VEHICLES = 700
HISTORY_DAYS = 1
SETTING_OFF_S = 12
"""By then the cars are on the road, and the tables of ready text are made."""
MARGIN_S = 5


def main() -> None:
    options = _options()
    figures = _alone(options.alone, options.ticks)
    with own_broker(options.bootstrap) as bootstrap:
        if options.seconds:
            figures |= _live(bootstrap, options.vehicles, options.seconds)
        figures |= _history(bootstrap, options.readings, name="history")
        figures |= _history(
            bootstrap, options.readings, name="history_one_core", cores=psutil.Process().cpu_affinity()[-1:]
        )
    keep("simulator", figures)
    tell("simulator", figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", type=int, default=20_000, help="vehicles of the part without a broker")
    parser.add_argument("--vehicles", type=int, default=120_000)
    parser.add_argument("--seconds", type=int, default=60, help="how long the live fleet is measured; 0 leaves it out")
    parser.add_argument("--ticks", type=int, default=20)
    parser.add_argument("--readings", type=int, default=4_000_000)
    parser.add_argument("--bootstrap")
    return parser.parse_args()


def _alone(vehicles: int, ticks: int) -> dict[str, float]:
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
        "alone_vehicles": vehicles,
        "tick_us_per_reading": round(tick_s / readings * 1e6, 2),
        "encode_us_per_reading": round(encode_s / readings * 1e6, 2),
    }


def _live(bootstrap: str, vehicles: int, seconds: int) -> dict[str, float]:
    """Measure `simulator run` on one core for so many seconds, after the cars have set off."""
    before = asyncio.run(_held(bootstrap))
    command = [sys.executable, "-m", "simulator", "run", "--bootstrap", bootstrap, "--json"]
    command += ["--vehicles", str(vehicles), "--for", str(SETTING_OFF_S + seconds + MARGIN_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        process = psutil.Process(program.pid)
        process.cpu_affinity([process.cpu_affinity()[-1]])
        while asyncio.run(_held(bootstrap)) == before:
            time.sleep(1)
        time.sleep(SETTING_OFF_S)
        began_s, began_cpu_s, began_held = time.monotonic(), _cpu_s(process), asyncio.run(_held(bootstrap))
        time.sleep(seconds)
        took_s, cpu_s, held = time.monotonic() - began_s, _cpu_s(process), asyncio.run(_held(bootstrap))
        memory_mb = process.memory_info().rss / 2**20
        told = json.loads(program.communicate()[0])
    return {
        "live_vehicles": vehicles,
        "live_seconds": round(took_s, 1),
        "live_readings_per_s": round((held - began_held) / took_s),
        "live_share_of_a_core_pct": round((cpu_s - began_cpu_s) / took_s * 100, 1),
        "live_cpu_us_per_reading": round((cpu_s - began_cpu_s) / (held - began_held) * 1e6, 2),
        "live_lost": told["readings_produced"] - (asyncio.run(_held(bootstrap)) - before),
        "live_behind_s": told["behind_s"],
        "live_memory_mb": round(memory_mb),
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _held(bootstrap: str) -> int:
    """Count the readings that the broker has."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        parts = [TopicPartition(VEHICLE_READINGS.name, number) for number in range(VEHICLE_READINGS.partitions)]
        return sum((await consumer.end_offsets(parts)).values())
    finally:
        await consumer.stop()


def _history(bootstrap: str, limit: int, *, name: str, cores: list[int] | None = None) -> dict[str, float]:
    """Measure `simulator history` as a user starts it, start-up of the interpreter left out; bound to cores, or not."""
    before = asyncio.run(_held(bootstrap))
    command = [sys.executable, "-m", "simulator", "history", "--bootstrap", bootstrap, "--json", "--limit", str(limit)]
    command += ["--vehicles", str(HISTORY_VEHICLES), "--days", str(HISTORY_DAYS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        if cores is not None:
            psutil.Process(program.pid).cpu_affinity(cores)
        told = json.loads(program.stdout.read() if program.stdout else "")
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    return {
        f"{name}_readings": told["readings_produced"],
        f"{name}_interval_s": told["interval_s"],
        f"{name}_seconds": told["seconds"],
        f"{name}_readings_per_s": told["readings_per_s"],
        f"{name}_cpu_us_per_reading": round((used.ru_utime + used.ru_stime) / told["readings_produced"] * 1e6, 2),
        f"{name}_lost": told["readings_produced"] - (asyncio.run(_held(bootstrap)) - before),
        f"{name}_memory_mb": round(used.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
