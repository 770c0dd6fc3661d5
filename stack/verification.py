"""Asking `cold-path verify` whether the merged answers equal a fold of its own over the raw records."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from stack.child import Say
from stack.processes import die_with_parent
from stack.program import Program

_WITHIN_S: Final = 300.0
_VERDICTS: Final = {0: True, 1: False}


class Verdicts(NamedTuple):
    """Whether merged equalled recomputed, while the stream flowed and the batch was behind it, and at the end.

    The end alone would prove little: there the batch covers everything, and the merge has nothing to add.
    """

    flowing: bool | None
    drained: bool | None

    @property
    def equal(self) -> bool | None:
        """True when both are, False when one is not, None when one is not known."""
        return False if False in self else None if None in self else True

    def complaints(self) -> list[str]:
        """Say which of the two is not as it must be."""
        asked = {"while the stream flowed": self.flowing, "after everything was read": self.drained}
        told = {False: "merged answers differ from the recomputed ones", None: "no verdict on the merged answers"}
        return [f"{told[verdict]}, {when}" for when, verdict in asked.items() if verdict is not True]


async def verified(program: Program, environment: Mapping[str, str], *, say: Say) -> bool | None:
    """Run it; True when equal, False when not, None when it could not tell."""
    told = await told_by(program, environment, within_s=_WITHIN_S)
    if told is None:
        say(program.name, f"no verdict within {_WITHIN_S:g} s")
        return None
    code, output = told
    for line in output.decode("utf-8", "replace").splitlines():
        say(program.name, line)
    return _VERDICTS.get(code)


async def told_by(program: Program, environment: Mapping[str, str], *, within_s: float) -> tuple[int, bytes] | None:
    """Run a program to its end; give its exit code and all it said, None when that took longer."""
    process = await asyncio.create_subprocess_exec(
        *program.command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    try:
        told, _ = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return (-1 if process.returncode is None else process.returncode), told
