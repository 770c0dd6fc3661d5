from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually

from stack.ports import free_ports
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


class RunningDemo:
    def __init__(self, process: subprocess.Popen[bytes], *, api: str, output: Path) -> None:
        self.process = process
        self.api = api
        self._output = output

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

    def ended(self, within_s: float) -> int:
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running; it told: {self.told()[-3000:]}") from None


@contextmanager
def a_demo(folder: Path, *flags: str) -> Iterator[RunningDemo]:
    kafka, port = free_ports(None, None)
    output = folder / "output.txt"
    command = [sys.executable, "-m", "stack", "demo", "--data", str(folder / "data"), *SMALL, *flags]
    command += ["--port", str(port), "--kafka-port", str(kafka)]
    with output.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL, cwd=folder)
    running = RunningDemo(process, api=f"http://127.0.0.1:{port}", output=output)
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


@pytest.mark.timeout(420)
def test_the_demo_gives_both_answers_while_it_runs_and_a_complete_report_at_its_end(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with a_demo(tmp_path, "--for", "30s", "--report", str(report)) as demo:
        needs = eventually(lambda: demo.get("/v1/attention")["vehicles"], within_s=150)
        ranking = eventually(lambda: ranked_with_batch_views(demo), within_s=150)
        assert demo.ended(within_s=240) == 0, demo.told()[-3000:]
    figures = json.loads(report.read_text())
    assert needs
    assert ranking
    assert list(figures) == list(Report.__struct_fields__)
    assert figures["readings_produced"] == figures["readings_processed"] + figures["readings_rejected"]
    assert figures["merged_equals_recompute"] is True
    assert figures["programs_restarted"] == 0


@pytest.mark.timeout(240)
def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    with a_demo(tmp_path) as demo:
        eventually(demo.is_up, within_s=90)
        started = demo.children()
        assert len(started) >= 4
        demo.process.send_signal(signal.SIGINT)
        assert demo.ended(within_s=60) == 0, demo.told()[-3000:]
        assert [child for child in started if child.is_running()] == []


def ranked_with_batch_views(demo: RunningDemo) -> bool:
    ranking = demo.get("/v1/rankings/fuel-efficiency")
    return bool(ranking["places"]) and ranking["batch_view_version"] is not None
