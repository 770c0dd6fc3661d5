"""Asking `cold-path verify` whether the merged answers equal a fold of its own over the raw records."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from stack.child import Say
from stack.processes import die_with_parent
from stack.program import Program

_WITHIN_S: Final = 300.0
_VERDICTS: Final = {0: True, 1: False}


async def verified(program: Program, environment: Mapping[str, str], *, say: Say) -> bool | None:
    """Run it; True when equal, False when not, None when it could not tell."""
    process = await asyncio.create_subprocess_exec(
        *program.command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    try:
        told, _ = await asyncio.wait_for(process.communicate(), _WITHIN_S)
    except TimeoutError:
        say(program.name, f"no verdict within {_WITHIN_S:g} s")
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for line in told.decode("utf-8", "replace").splitlines():
        say(program.name, line)
    return _VERDICTS.get(process.returncode if process.returncode is not None else -1)
