"""One `hot-path run` process of a test, and what it says of itself."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from eventually import eventually


class Worker:
    """One `hot-path run` process."""

    def __init__(self, process: subprocess.Popen[bytes], status_port: int, log: Path) -> None:
        self.process = process
        self._status = f"http://127.0.0.1:{status_port}"
        self.log = log

    def is_ready(self) -> bool:
        with urllib.request.urlopen(f"{self._status}/health/ready", timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)

    def figure(self, name: str) -> float:
        """Give a metric's value, summed over its labels; 0 before the worker tells it."""
        try:
            with urllib.request.urlopen(f"{self._status}/metrics", timeout=2) as answer:  # noqa: S310 - loopback
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def wait_ready(self, within_s: float = 40) -> Worker:
        eventually(self.is_ready, within_s=within_s)
        return self

    def wait_processed(self, readings: int, within_s: float = 40) -> None:
        eventually(lambda: self._running_figure("readings_processed_total") >= readings, within_s=within_s)

    def _running_figure(self, name: str) -> float:
        if self.process.poll() is not None:
            pytest.fail(f"the worker has ended:\n{self.log.read_text()}")
        return self.figure(name)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """Send SIGTERM; give the seconds until the end, which must be a clean one."""
        started_s = time.monotonic()
        self.process.terminate()
        assert self.process.wait(20) == 0, self.log.read_text()
        return time.monotonic() - started_s
