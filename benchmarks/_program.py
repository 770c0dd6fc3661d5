"""One of the programs that are measured side by side, as a process that tells its own figures."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

from stack.ports import free_port

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
_FIGURES = ("readings_processed_total", "process_cpu_seconds_total", "process_resident_memory_bytes")


class Look(NamedTuple):
    """What a program told at one moment."""

    readings: float
    cpu_s: float
    memory_bytes: float
    owned: float


class Program:
    """A program between start and end; it reads and writes the topics whose names end in `mark`."""

    def __init__(self, name: str, *, bootstrap: str, mark: str, group: str, folder: Path) -> None:
        self._port = free_port()
        self._log = folder / f"{group}.log"
        self._command = [*_COMMANDS[name], "--bootstrap", bootstrap, "--app-id", group]
        self._command += ["--status-port", str(self._port)]
        for flag, topic in zip(_FLAGS, _TOPICS, strict=True):
            self._command += [flag, topic + mark]

    def __enter__(self) -> Self:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=subprocess.STDOUT)
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def speed(self, readings: int, longest_s: float, *, after: int) -> tuple[float, float]:
        """Give readings per CPU-second once the first `after` are read, and the memory at the end in MB."""
        first = self._look_until(lambda look: look.readings > after, 60)
        last = self._look_until(lambda look: look.readings >= readings, longest_s)
        return (last.readings - first.readings) / (last.cpu_s - first.cpu_s), last.memory_bytes / 1e6

    def seconds_until_owned(self) -> float:
        """Give the seconds from the start until all partitions are restored."""
        self._look_until(lambda look: look.owned > 0, 60)
        return time.monotonic() - self._began

    def seconds_until_ready(self) -> float:
        """Give the seconds from the start until it says that it is ready."""
        self._until(self._is_ready, 60)
        return time.monotonic() - self._began

    def _look_until(self, is_enough: Callable[[Look], bool], within_s: float) -> Look:
        looks = [Look(0, 0, 0, 0)]

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
        readings, cpu_s, memory = (float(told[name]) for name in _FIGURES)
        return Look(readings, cpu_s, memory, float(told["partitions_owned"]))

    def _read(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except OSError:
            return None
