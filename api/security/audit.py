"""Who changed what, and when: one JSON line for every change that was asked for, also for those refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class AuditLog:
    """Appends to a file; each line is written at once, so that programs can share it."""

    def __init__(self, file: Path, clock: Callable[[], int]) -> None:
        """Prepare; the file is made by the first line."""
        self._file = file
        self._clock = clock

    def note(self, who: str, did: str, **facts: Any) -> None:
        """Write one line: `at_ms`, `who`, `did` and the facts."""
        line = msgspec.json.encode({"at_ms": self._clock(), "who": who, "did": did} | facts) + b"\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            place = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise InvalidInput(f"--audit {self._file} cannot be written ({error.strerror}); name another") from error
        try:
            os.write(place, line)
        finally:
            os.close(place)
