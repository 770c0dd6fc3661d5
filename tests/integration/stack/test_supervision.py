from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from eventually import eventually_async

from contracts.errors import InvalidInput
from stack.child import Child, ProgramFailed
from stack.ensemble import Ensemble
from stack.program import Program
from stack.run_folder import RunFolder

FOREVER = "import time, sys; print('up', flush=True); time.sleep(600)"
WITH_A_CHILD = (
    "import subprocess, sys, time; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(p.pid, flush=True); time.sleep(600)"
)
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def a_program(code: str, *, once: bool = False, grace_s: float = 5.0) -> Program:
    return Program("it", (sys.executable, "-c", code), once=once, grace_s=grace_s)


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(f"{name}: {line}")


def a_child(program: Program, tmp_path: Path, told: Told) -> Child:
    return Child(program, environment=dict(os.environ), say=told, log=tmp_path / "it.log")  # noqa: TID251


async def has(told: Told, text: str) -> bool:
    return any(text in line for line in told.lines)


async def test_a_child_that_is_killed_is_started_again_and_counted(tmp_path: Path) -> None:
    told = Told()
    child = a_child(a_program(FOREVER), tmp_path, told)
    running = asyncio.create_task(child.run())
    await eventually_async(lambda: has(told, "up"))
    first = child.pid
    assert first
    os.kill(first, signal.SIGKILL)

    async def another() -> bool:
        return child.pid not in (None, first)

    await eventually_async(another)
    assert child.restarts == 1
    assert "it: was ended by SIGKILL, starting it again" in told.lines
    await child.stop()
    await running


async def test_nothing_that_a_child_started_outlives_it(tmp_path: Path) -> None:
    told = Told()
    child = a_child(a_program(WITH_A_CHILD), tmp_path, told)
    running = asyncio.create_task(child.run())
    await eventually_async(lambda: has(told, "it: "))
    grandchild = int(told.lines[0].removeprefix("it: "))
    await child.stop()
    await running

    async def gone() -> bool:
        return not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE

    await eventually_async(gone)


async def test_a_child_that_does_not_listen_is_ended_after_its_grace(tmp_path: Path) -> None:
    told = Told()
    child = a_child(a_program(DEAF, grace_s=0.3), tmp_path, told)
    running = asyncio.create_task(child.run())
    await eventually_async(lambda: has(told, "up"))
    await asyncio.wait_for(child.stop(), 5)
    await asyncio.wait_for(running, 5)
    assert child.pid is None


async def test_refused_settings_are_not_tried_again(tmp_path: Path) -> None:
    child = a_child(a_program("raise SystemExit(2)"), tmp_path, Told())
    with pytest.raises(ProgramFailed, match="exit code 2"):
        await child.run()
    assert child.restarts == 0


async def test_a_job_that_ends_well_is_done_and_one_that_fails_is_told(tmp_path: Path) -> None:
    await a_child(a_program("pass", once=True), tmp_path, Told()).run()
    with pytest.raises(ProgramFailed, match="exit code 1"):
        await a_child(a_program("raise SystemExit(1)", once=True), tmp_path, Told()).run()


async def test_a_program_that_cannot_be_kept_running_ends_the_story(tmp_path: Path) -> None:
    ensemble = Ensemble(environment=dict(os.environ), say=Told(), logs=tmp_path)  # noqa: TID251

    async def story() -> int:
        ensemble.start(a_program("raise SystemExit(2)"))
        await asyncio.sleep(600)
        return 0

    with pytest.raises(ProgramFailed):
        await asyncio.wait_for(ensemble.guard(story()), 20)
    await ensemble.stop_all()


async def test_output_is_kept_in_a_file_and_said_under_the_programs_name(tmp_path: Path) -> None:
    told = Told()
    await a_child(a_program("print('one'); print('two')", once=True), tmp_path, told).run()
    await eventually_async(lambda: has(told, "it: two"))
    assert (tmp_path / "it.log").read_text() == "one\ntwo\n"


def test_a_run_folder_in_use_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path).held(),
        pytest.raises(InvalidInput, match="take another folder with --data"),
        RunFolder(tmp_path).held(),
    ):
        pass
