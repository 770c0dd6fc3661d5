"""Who changed what, and when: one JSON line before a change and one with its outcome; one for a change refused."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LONGEST: Final = 300
"""Characters of one value; what is longer is cut, so that a line stays below 8 KiB whatever is asked for."""


class Rotation(NamedTuple):
    """When a file is full, and how many full ones are kept beside it."""

    most_bytes: int
    files: int


class AuditLog:
    """Appends to a file; each line is written at once and under a lock, so that programs can share it."""

    def __init__(self, file: Path, clock: Callable[[], int], rotation: Rotation | None = None) -> None:
        """Prepare; the file is made by the first line. Without a rotation it grows, for another program to rotate."""
        self._file = file
        self._clock = clock
        self._rotation = rotation

    def note(self, who: str, did: str, **facts: Any) -> None:
        """Write one line: `at_ms`, `who`, `did` and the facts. Raises InvalidInput when it cannot be written whole."""
        told = {name: _cut(value) for name, value in {"who": who, "did": did, **facts}.items()}
        line = msgspec.json.encode({"at_ms": self._clock()} | told) + b"\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._locked() as place:
                _append(place, line)
        except OSError as error:
            raise InvalidInput(
                f"--audit {self._file} cannot be written ({error.strerror}); free space, or name another"
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Yield the file, open and locked, with room for a line."""
        while True:
            place = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                fcntl.flock(place, fcntl.LOCK_EX)
                if not self._is_current(place):  # another program has rotated it meanwhile
                    continue
                if self._rotation is not None and os.fstat(place).st_size >= self._rotation.most_bytes:
                    self._rotate(self._rotation.files)
                    continue
                yield place
                return
            finally:
                os.close(place)

    def _is_current(self, place: int) -> bool:
        try:
            return os.path.samestat(self._file.stat(), os.fstat(place))
        except FileNotFoundError:
            return False

    def _rotate(self, files: int) -> None:
        """Rename the file and those beside it, each to the next number; the oldest goes."""
        names = [self._file, *(self._file.with_name(f"{self._file.name}.{n}") for n in range(1, files + 1))]
        for newer, older in reversed(list(itertools.pairwise(names))):
            if newer.exists():
                newer.replace(older)


def _append(place: int, line: bytes) -> None:
    """Write a line whole, or nothing of it. Raises OSError."""
    before = os.fstat(place).st_size
    if os.write(place, line) < len(line):
        os.ftruncate(place, before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _cut(value: Any) -> Any:
    """Return a text that can be encoded, cut where it is too long; any other value as it is."""
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "replace").decode()
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text
