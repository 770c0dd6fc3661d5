"""Versions of the views in a folder: written aside, renamed whole, then pointed to; the oldest are collected."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cold_path.folders import made
from contracts.errors import Unavailable
from contracts.views import CURRENT_FILE, KEPT_VERSIONS, current_version, manifest_bytes, version_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contracts.views import Manifest

_UNFINISHED: Final = ".unfinished-"
_LOCK_FILE: Final = ".publisher.lock"


@contextmanager
def sole_publisher(views: Path) -> Iterator[None]:
    """Be the only one who publishes into this folder; the lock ends with the process, whatever ends it.

    Raises Unavailable when another process holds it, InvalidInput when the folder cannot be written.
    """
    with (made(views, flag="--views") / _LOCK_FILE).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            message = f"process {holder} publishes into {views} already; stop it, or give another --views"
            raise Unavailable(message) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def next_version(views: Path) -> int:
    """Give the number of the next version: above every one that has a folder, published or not."""
    return max([current_version(views) or 0, *_numbers(views)]) + 1


def begin(views: Path, version: int) -> Path:
    """Make an empty folder beside the published ones, for the views; what a killed run left behind is removed."""
    versions = views / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    for leftover in versions.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = versions / f"{_UNFINISHED}{version:06d}-{os.getpid()}"
    unfinished.mkdir()
    return unfinished


def publish(views: Path, unfinished: Path, manifest: Manifest) -> None:
    """Make what `begin` gave the current version: durable on disk first, then visible in one step."""
    (unfinished / "manifest.json").write_bytes(manifest_bytes(manifest))
    for file in sorted(unfinished.rglob("*")):
        _make_durable(file)
    _make_durable(unfinished)
    folder = version_folder(views, manifest.version)
    unfinished.rename(folder)
    _make_durable(folder.parent)
    _point_to(views, manifest.version)
    _collect(views, current=manifest.version)


def _point_to(views: Path, version: int) -> None:
    fresh = views / f"{CURRENT_FILE}.new"
    fresh.write_text(f"{version}\n")
    _make_durable(fresh)
    fresh.replace(views / CURRENT_FILE)
    _make_durable(views)


def _collect(views: Path, *, current: int) -> None:
    """Remove all but the newest versions; one above the current was never pointed to, or was rolled back from."""
    for number in sorted(_numbers(views), reverse=True)[KEPT_VERSIONS:]:
        if number != current:
            shutil.rmtree(version_folder(views, number), ignore_errors=True)


def _numbers(views: Path) -> list[int]:
    return [int(folder.name) for folder in (views / "versions").glob("[0-9]*") if folder.name.isdecimal()]


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
