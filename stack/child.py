"""A supervised child process: started in a group of its own, heard, restarted, stopped with all it started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from contracts.errors import ConnectedCarsError
from observability.program import BAD_INPUT
from stack.processes import die_with_parent
from stack.program import Program

Say = Callable[[str, str], None]
"""Takes a program's name and a line of its output."""

_LOOK_S: Final = 0.05
_MOST_RESTARTS_IN_A_ROW: Final = 5
_STEADY_S: Final = 30.0


class ProgramFailed(ConnectedCarsError):
    """A program ended in a way that starting it again does not mend."""


def delay_before_restart_s(restarts_in_a_row: int) -> float:
    """Give the pause before a restart: half a second, doubling up to ten."""
    return min(10.0, 0.5 * 2.0 ** max(0, restarts_in_a_row - 1))


class Child:
    """One program; `restarts` counts how often it had to be started again."""

    def __init__(self, program: Program, *, environment: Mapping[str, str], say: Say, log: Path) -> None:
        """Start nothing yet."""
        self.program = program
        self.restarts = 0
        self._environment = environment
        self._say = say
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process that runs now, None between two."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def run(self) -> None:
        """Keep it running until `stop`, or, where it ends by itself, until it has.

        Raises ProgramFailed when it refuses its settings, fails a job that runs once, or keeps dying.
        """
        in_a_row = 0
        while not self._stopping:
            code, lasted_s = await self._once()
            if self._stopping or (self.program.once and code == 0):
                return
            in_a_row = 1 if lasted_s > _STEADY_S else in_a_row + 1
            if self.program.once or code == BAD_INPUT or in_a_row > _MOST_RESTARTS_IN_A_ROW:
                raise ProgramFailed(f"{self.program.name} {ended_how(code)}; its output is in {self._log}")
            self.restarts += 1
            self._say(self.program.name, f"{ended_how(code)}, starting it again")
            await asyncio.sleep(delay_before_restart_s(in_a_row))

    async def stop(self) -> None:
        """Ask it to end, wait its grace, then end whatever is left of it and of what it started."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(_end_of(process), self.program.grace_s)
        self.kill()

    def kill(self) -> None:
        """End it and everything it started, at once."""
        self._stopping = True
        if self._process is not None:
            _end_group(self._process)

    async def _once(self) -> tuple[int, float]:
        clock = asyncio.get_running_loop().time
        began = clock()
        process = self._started()
        code = await _end_of(process)
        # A JVM that outlives its Python would hold ports and locks that the next one needs.
        _end_group(process)
        return code, clock() - began

    def _started(self) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            self.program.command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )
        self._process = process
        if process.stdout is not None:
            threading.Thread(target=self._hear, args=(process.stdout,), daemon=True).start()
        return process

    def _hear(self, output: IO[bytes]) -> None:
        with output, self._log.open("ab", buffering=0) as log:
            for line in output:
                log.write(line)
                self._say(self.program.name, line.decode("utf-8", "replace").rstrip())


def ended_how(code: int) -> str:
    """Say how a process ended, from its return code as Python gives it."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


async def _end_of(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process only: its pipes stay open as long as anything it started lives."""
    while (code := process.poll()) is None:  # noqa: ASYNC110 - nothing tells, short of a thread for each child
        await asyncio.sleep(_LOOK_S)
    return code


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
