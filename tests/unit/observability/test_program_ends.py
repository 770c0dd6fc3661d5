from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import asyncio, sys, threading
from contracts.errors import Unavailable
from observability.program import run, run_to_end

async def stubborn():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def work(answer):
    asyncio.get_running_loop().stubborn = asyncio.ensure_future(stubborn())
    threading.Thread(target=threading.Event().wait).start()
    await asyncio.sleep(0)
    if answer == "fails":
        raise Unavailable("it does not answer")
    print("done")

sys.exit(run("program", lambda: run_to_end(work(sys.argv[1]), within_s=0.2)))
"""


@pytest.mark.parametrize(("answer", "code", "told"), [("works", 0, "done"), ("fails", 3, "it does not answer")])
def test_a_program_ends_with_its_code_whatever_its_libraries_leave_behind(answer: str, code: int, told: str) -> None:
    """A task ignores its cancellation, and a thread waits for ever."""
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, answer], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == code
    assert told in ended.stdout + ended.stderr
    assert "ended without waiting any longer" in ended.stderr
