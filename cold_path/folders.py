"""The folders that a run writes, and their locks: made, or refused by name, before anything starts that needs them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import InvalidInput, Unavailable


def made(folder: Path, *, flag: str) -> Path:
    """Give the folder, made when it is not there. Raises InvalidInput when it cannot be written; `flag` names it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, error.strerror, flag) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _refused(folder, "no permission, or mounted to be read only", flag)
    return folder


@contextmanager
def sole_owner(lock_file: Path, doing: str, *, flag: str) -> Iterator[None]:
    """Hold a lock that ends with the process, whatever ends it. Raises Unavailable, which names the other holder."""
    with lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise Unavailable(f"process {holder} {doing}; stop it, or give another {flag}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _refused(folder: Path, why: str | None, flag: str) -> InvalidInput:
    return InvalidInput(f"{folder} cannot be written ({why}): take a folder that can be, with {flag}")
