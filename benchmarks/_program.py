"""One of the programs that are measured side by side, as a process that tells its own figures."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import READING_PARTITIONS, VEHICLE_STATES
from stack.environment import machine_environment
from stack.ports import free_port
from stack.preparation import rules_for

_HERE = Path(__file__).parent
_PYTHON = [sys.executable, "-P"]
"""-P, as this file's folder would hide the hot path behind its own benchmark."""
_COMMANDS: dict[str, list[str | Path]] = {
    "hot_path": [*_PYTHON, "-m", "hot_path", "run"],
    "bare_loop": [*_PYTHON, _HERE / "_bare_loop.py"],
    "stock_faust": [*_PYTHON, _HERE / "_stock_faust.py"],
}
_TOPICS = ("vehicle-readings", "engine-alerts", "vehicle-states", "rejected-readings", "vehicles")
_FLAGS = ("--readings-topic", "--alerts-topic", "--states-topic", "--rejected-topic", "--vehicles-topic")
MOST_VEHICLES = 100_000
"""A fleet that begins at once, as a measurement does, wants a rule file with room for it."""
_FIGURES = (
    "readings_processed_total",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "partitions_owned",
    "state_flushes_total",
)


async def committed(bootstrap: str, group: str, topic: str) -> int:
    """Give the number of records of a topic that a group has committed."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(READING_PARTITIONS)]
        return sum([await consumer.committed(each) or 0 for each in partitions])


class Look(NamedTuple):
    """What a program told at one moment."""

    readings: float
    cpu_s: float
    memory_bytes: float
    owned: float
    flushes: float

    @property
    def rounds(self) -> int:
        """How often every partition was flushed."""
        return int(self.flushes) // READING_PARTITIONS


class Speed(NamedTuple):
    """What a program did between two looks."""

    readings_per_cpu_s: float
    memory_mb: float
    rounds: int
    """Flushes of all partitions that lie within, whole."""
    seconds: float


class Program:
    """A program between start and end; it reads and writes topics whose names end in a mark, states in another."""

    def __init__(self, name: str, *, bootstrap: str, mark: str, states: str, group: str, folder: Path) -> None:
        self.group, self.states = group, states
        self._bootstrap, self._topic = bootstrap, f"vehicle-readings{mark}"
        self._port = free_port()
        self._log = folder / f"{group}.log"
        known = machine_environment()
        self._environment = {**known, **rules_for(MOST_VEHICLES, folder / "rules.toml", known)}
        self._command = [*_COMMANDS[name], "--bootstrap", bootstrap, "--app-id", group]
        self._command += ["--status-port", str(self._port)]
        for flag, topic in zip(_FLAGS, _TOPICS, strict=True):
            self._command += [flag, topic + (states if topic == VEHICLE_STATES.name else mark)]

    def __enter__(self) -> Self:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=subprocess.STDOUT, env=self._environment
            )
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def speed(self, readings: int, longest_s: float, *, after: int) -> Speed:
        """Measure from `after` readings to `readings`; where states are flushed, between the ends of two flushes."""
        looks: list[tuple[float, Look]] = []

        def is_enough(look: Look) -> bool:
            looks.append((time.monotonic(), look))
            return look.readings >= readings

        self._look_until(lambda look: look.readings > after, 60)
        self._look_until(is_enough, longest_s)
        span = [at for at in range(1, len(looks)) if looks[at][1].rounds > looks[at - 1][1].rounds]
        first, last = (span[0], span[-1]) if len(span) > 1 else (0, -1)
        (began_s, begin), (ended_s, end) = looks[first], looks[last]
        speed = (end.readings - begin.readings) / (end.cpu_s - begin.cpu_s)
        return Speed(speed, looks[-1][1].memory_bytes / 1e6, end.rounds - begin.rounds, ended_s - began_s)

    def look(self) -> Look:
        """Give what it tells now."""
        return self._look() or Look(0, 0, 0, 0, 0)

    def until_owned(self, partitions: int) -> None:
        """Return once it owns so many partitions."""
        self._look_until(lambda look: look.owned == partitions, 60)

    def until_committed(self, readings: int) -> None:
        """Return once its group has committed so many readings."""
        self._until(lambda: asyncio.run(committed(self._bootstrap, self.group, self._topic)) >= readings, 60)

    def seconds_until_owned(self) -> float:
        """Give the seconds from the start until all partitions are restored."""
        self._look_until(lambda look: look.owned > 0, 60)
        return time.monotonic() - self._began

    def seconds_until_ready(self) -> float:
        """Give the seconds from the start until it says that it is ready."""
        self._until(self._is_ready, 60)
        return time.monotonic() - self._began

    def _look_until(self, is_enough: Callable[[Look], bool], within_s: float) -> Look:
        looks = [Look(0, 0, 0, 0, 0)]

        def look() -> bool:
            looks.append(self._look() or looks[-1])
            return is_enough(looks[-1])

        self._until(look, within_s)
        if looks[-1].cpu_s == 0:
            raise SystemExit(f"nothing heard of {self._command}\n{self._log.read_text()[-2000:]}")
        return looks[-1]

    def _until(self, is_enough: Callable[[], bool], within_s: float) -> None:
        until = time.monotonic() + within_s
        while not is_enough() and time.monotonic() < until:
            if self._process.poll() is not None:
                raise SystemExit(f"{self._command} has ended\n{self._log.read_text()[-2000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        return self._read("health/ready") is not None

    def _look(self) -> Look | None:
        text = self._read("metrics")
        if text is None:
            return None
        told = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        return Look(*(float(told[name]) for name in _FIGURES))

    def _read(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except OSError:
            return None
