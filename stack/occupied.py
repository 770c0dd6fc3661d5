"""Folders that one run at a time may use: taken before any file in them changes, free again when the process ends."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from contracts.errors import InvalidInput

BROKER_LOCK: Final = "broker.lock"


@contextmanager
def sole_user(folder: Path, lock_file: str) -> Iterator[None]:
    """Make `folder` and be its only user. Raises InvalidInput when it is in use, or cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / lock_file).open("w")
    except OSError as error:
        raise InvalidInput(
            f"{folder} cannot be written ({error.strerror}): take a folder that can be, with --data"
        ) from None
    with lock:
        _take(folder, lock.fileno(), fcntl.flock)
        yield


@contextmanager
def sole_broker(data: Path) -> Iterator[None]:
    """Be the only broker in `data`. Raises InvalidInput as `sole_user` does."""
    with sole_user(data, BROKER_LOCK):
        of_kafka = data / "log" / ".lock"
        if of_kafka.exists():  # Kafka's own; a broker that was not started from here holds this one alone
            with of_kafka.open("r+") as lock:
                _take(data, lock.fileno(), fcntl.lockf)
        yield


def _take(folder: Path, descriptor: int, lock: Callable[[int, int], None]) -> None:
    try:
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise InvalidInput(
            f"{folder} is in use by another demo or broker: stop it, or take another folder with --data"
        ) from None
