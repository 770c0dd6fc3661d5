from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from alive import is_alive
from eventually import eventually

from stack.report import Report

SMALL = (
    "--vehicles",
    "40",
    "--history-vehicles",
    "40",
    "--history-days",
    "1",
    "--history-limit",
    "40000",
    "--fault-rate",
    "60",
)
KILLED = (("hot_path", "run"), ("cold_path", "run"), ("api", "serve"))


class RunningDemo:
    def __init__(self, process: subprocess.Popen[bytes], *, output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def api(self) -> str:
        said = re.search(r"API will be at (http://\S+)", self.told())
        assert said, f"no address yet: {self.told()[-500:]}"
        return said[1]

    def get(self, path: str) -> dict[str, object]:
        assert self.process.poll() is None, f"the demo ended: {self.told()[-3000:]}"
        try:
            answer = httpx.get(self.api + path, timeout=5, trust_env=False)
        except httpx.HTTPError as error:
            raise AssertionError(f"no answer from {path}: {error!r}") from error
        assert answer.status_code == 200, f"{path} answered {answer.status_code}: {answer.text[:300]}"
        return dict(answer.json())

    def is_up(self) -> bool:
        try:
            return httpx.get(self.api + "/health/live", timeout=5, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def told(self) -> str:
        return self._output.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self, *words: str) -> None:
        """End the program whose command holds these words, as the kernel would for want of memory."""
        children = psutil.Process(self.process.pid).children()
        found = [child for child in children if set(words) <= set(words_of(child))]
        assert len(found) == 1, f"{words} is run by {found}"
        found[0].kill()

    def ended(self, within_s: float) -> int:
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running; it told: {self.told()[-3000:]}") from None


@contextmanager
def a_demo(folder: Path, *flags: str) -> Iterator[RunningDemo]:
    output = folder / "output.txt"
    command = [sys.executable, "-m", "stack", "demo", "--data", str(folder / "data"), *SMALL, *flags]
    with output.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL, cwd=folder)
    running = RunningDemo(process, output=output)
    try:
        yield running
    finally:
        if process.poll() is None:
            left = running.children()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
            for child in left:
                if child.is_running():
                    child.kill()


@pytest.mark.timeout(480)
def test_both_answers_come_survive_kills_and_end_in_a_complete_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with a_demo(tmp_path, "--for", "40s", "--report", str(report)) as demo:
        eventually(lambda: demo.get("/v1/attention")["vehicles"], within_s=180)
        eventually(lambda: ranked_with_batch_views(demo), within_s=180)
        for words in KILLED:
            demo.kill(*words)
        eventually(lambda: demo.get("/v1/attention")["vehicles"], within_s=60)
        eventually(lambda: ranked_with_batch_views(demo), within_s=60)
        assert demo.ended(within_s=240) == 0, demo.told()[-3000:]
    figures = json.loads(report.read_text())
    assert list(figures) == list(Report.__struct_fields__)
    assert figures["readings_produced"] == figures["readings_processed"] + figures["readings_rejected"]
    assert figures["merged_equals_recompute"] is True
    assert figures["programs_restarted"] == len(KILLED)


@pytest.mark.timeout(240)
def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    with a_demo(tmp_path) as demo:
        eventually(demo.is_up, within_s=90)
        started = demo.children()
        assert len(started) >= 4
        demo.process.send_signal(signal.SIGINT)
        assert demo.ended(within_s=60) == 0, demo.told()[-3000:]
        assert [child for child in started if is_alive(child)] == []


def words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []  # it has just ended


def ranked_with_batch_views(demo: RunningDemo) -> bool:
    ranking = demo.get("/v1/rankings/fuel-efficiency")
    return bool(ranking["places"]) and ranking["batch_view_version"] is not None
