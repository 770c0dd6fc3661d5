"""Processes that do the same at the same moment, round after round."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

_ROUNDS = """
import sys
for line in sys.stdin:
    number = int(line)
    try:
        {doing}
    except BaseException as error:
        print(f"{{type(error).__name__}}: {{error}}", flush=True)
    else:
        print("done", flush=True)
"""


class Racers:
    """One process for each piece of Python; it is run when a round begins, and knows its `number`."""

    def __init__(self, preparation: str, doings: Sequence[str]) -> None:
        self._programs = [preparation + _ROUNDS.format(doing=doing) for doing in doings]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._racers = [stack.enter_context(self._started(program)) for program in self._programs]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for racer in self._racers:
            if racer.stdin is not None:
                racer.stdin.close()
        self._stack.close()

    def _started(self, program: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def begin(self, number: int) -> None:
        for racer in self._racers:
            assert racer.stdin is not None
            racer.stdin.write(f"{number}\n")

    def ended(self) -> list[str]:
        """Wait for the round; "done", or what was raised, of each."""
        return [racer.stdout.readline().strip() for racer in self._racers if racer.stdout is not None]

    def round(self, number: int) -> list[str]:
        self.begin(number)
        return self.ended()
