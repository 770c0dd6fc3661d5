"""Files that several processes write and read at once: replaced as a whole, and changed by one process at a time.

The locks are `flock`, which Linux and macOS have; no program of this project runs where it is missing.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing(file: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """Yield a new file that takes the place of `file` at the end, in one step that survives a crash.

    Whoever reads sees the old content or the new, whole. If the block raises, the old one stays.
    `mode` are the permissions; None keeps those of the file that is there. The folder is made when it is missing.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(8)}.new")  # no other writer's
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            _take_permissions(out.fileno(), file, mode)
            yield out
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    make_durable(file.parent)


def _take_permissions(descriptor: int, file: Path, mode: int | None) -> None:
    if mode is not None:
        os.fchmod(descriptor, mode)  # whatever the umask says
    elif file.exists():
        os.fchmod(descriptor, file.stat().st_mode & 0o777)


def make_durable(path: Path) -> None:
    """Let a file's bytes, or a folder's names, be on the disk before anything that depends on them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Be the only one, of all threads and processes, who changes `file`: to read it and write it as one step.

    The lock is an empty file beside it, as `file` itself is replaced; it ends with the process, whatever ends that.
    It waits for whoever holds it, so hold it briefly, and not twice. The folder is made when it is missing.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # Opened to read, which suffices for flock, so that another user's lock file serves as well.
    descriptor = os.open(file.with_name(f".{file.name}.lock"), os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
