"""Readings per CPU-second of each program over one backlog; memory, restoring, and two workers beside one."""

from __future__ import annotations

import statistics
import time

from _bench import Backlog, Bench
from _program import Look, Program, Speed

CANDIDATES = ("hot_path", "bare_loop", "stock_faust")
STOCK_S = 10.0
"""Stock Faust is measured over this long, not to the end of the readings: it is ten times slower."""
LONGEST_S = 90.0
Figures = dict[str, float]


def throughput(bench: Bench, backlog: Backlog, *, runs: int) -> Figures:
    """Measure all candidates over one backlog, interleaved; medians. Every run begins with no states.

    Every vehicle is met once, and then known for days: what meeting it costs is left out.
    """
    speeds: dict[str, list[Speed]] = {name: [] for name in CANDIDATES}
    for _ in range(runs):
        for name in CANDIDATES:
            with bench.program(name, backlog.mark) as program:
                longest_s = STOCK_S if name == "stock_faust" else LONGEST_S
                speeds[name].append(program.speed(backlog.readings, longest_s, after=backlog.vehicles))
    median = {name: statistics.median(each.readings_per_cpu_s for each in found) for name, found in speeds.items()}
    fleet = f"_{backlog.vehicles // 1_000}k"
    found: Figures = {f"{name}_readings_per_cpu_s{fleet}": round(speed) for name, speed in median.items()}
    for name in CANDIDATES:
        all_speeds = [each.readings_per_cpu_s for each in speeds[name]]
        found |= {f"{name}_slowest{fleet}": round(min(all_speeds)), f"{name}_fastest{fleet}": round(max(all_speeds))}
    found[f"times_stock_faust{fleet}"] = round(median["hot_path"] / median["stock_faust"], 1)
    found[f"share_of_bare_loop{fleet}"] = round(median["hot_path"] / median["bare_loop"], 2)
    found[f"flush_rounds_measured{fleet}"] = min(each.rounds for each in speeds["hot_path"])
    found[f"seconds_measured{fleet}"] = round(min(each.seconds for each in speeds["hot_path"]), 1)
    found[f"memory_mb{fleet}"] = round(max(each.memory_mb for each in speeds["hot_path"]))
    return found | {f"bytes_per_reading{fleet}": round(backlog.bytes_a_reading)}


def restoring(bench: Bench, backlog: Backlog) -> Figures:
    """Measure how much longer a start takes with this fleet's states than a start with none."""
    name = f"restored-{backlog.vehicles}"
    with bench.program("hot_path", bench.topics(f"-{name}-empty")) as empty:
        without_s = empty.seconds_until_owned()
    with bench.program("hot_path", backlog.mark, group=name) as first:
        first.speed(backlog.readings, LONGEST_S, after=backlog.vehicles)
        first.until_committed(backlog.readings)
        states = first.states
    with bench.program("hot_path", backlog.mark, group=name, states=states) as again:
        with_s = again.seconds_until_owned()
    return {f"restore_s_{backlog.vehicles // 1_000}k": round(with_s - without_s, 1)}


def two_workers(bench: Bench, backlog: Backlog) -> Figures:
    """Measure two workers of one group beside one, by the clock and by CPU time; the broker has the same cores."""
    with bench.program("hot_path", backlog.mark) as only:
        one = _together([only], backlog)
    with bench.program("hot_path", backlog.mark) as first:
        second = bench.program("hot_path", backlog.mark, group=first.group, states=first.states)
        with second:
            two = _together([first, second], backlog)
    return {
        "two_workers_times_one": round(two[0] / one[0], 2),
        "two_workers_readings_per_s": round(two[0]),
        "one_worker_readings_per_s": round(one[0]),
        "two_workers_times_one_per_cpu": round(two[1] / one[1], 2),
    }


def _together(programs: list[Program], backlog: Backlog) -> tuple[float, float]:
    """Give readings a second by the clock, and per CPU-second, of programs that share the partitions evenly."""
    for program in programs:
        program.until_owned(12 // len(programs))
    begun = ended = [program.look() for program in programs]
    began_s = time.monotonic()
    while _readings(ended) < backlog.readings * 0.95 and time.monotonic() - began_s < LONGEST_S:
        time.sleep(0.1)
        ended = [program.look() for program in programs]
    took_s = time.monotonic() - began_s
    readings = _readings(ended) - _readings(begun)
    cpu_s = sum(end.cpu_s - begin.cpu_s for begin, end in zip(begun, ended, strict=True))
    return readings / took_s, readings / cpu_s


def _readings(looks: list[Look]) -> float:
    readings: float = sum(look.readings for look in looks)
    return readings
