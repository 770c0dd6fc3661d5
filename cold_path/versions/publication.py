"""Versions of the views in a folder: written aside, renamed whole, then pointed to; the oldest are collected."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cold_path.folders import made, sole_owner
from contracts.files import locked, make_durable
from contracts.views import (
    CURRENT_FILE,
    KEPT_VERSIONS,
    PIN_FILE,
    current_version,
    manifest_bytes,
    point_to,
    version_folder,
)

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
    with sole_owner(made(views, flag="--views") / _LOCK_FILE, f"publishes into {views} already", flag="--views"):
        yield


def next_version(views: Path) -> int:
    """Give the number of the next version: above every one that has a folder, published or not."""
    return max([current_version(views) or 0, *published_numbers(views)]) + 1


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
        make_durable(file)
    make_durable(unfinished)
    folder = version_folder(views, manifest.version)
    unfinished.rename(folder)
    make_durable(folder.parent)
    with locked(views / CURRENT_FILE):  # a rollback points to nothing that is being collected
        point_to(views, manifest.version)
        _collect(views, current=manifest.version)


def _collect(views: Path, *, current: int) -> None:
    """Remove all but the newest and the pinned; one above the current was never pointed to, or rolled back from."""
    for number in sorted(published_numbers(views), reverse=True)[KEPT_VERSIONS:]:
        folder = version_folder(views, number)
        if number != current and not (folder / PIN_FILE).exists():
            shutil.rmtree(folder, ignore_errors=True)


def published_numbers(views: Path) -> list[int]:
    """Give the numbers that have a folder, in no order; one that was never pointed to among them."""
    return [int(folder.name) for folder in (views / "versions").glob("[0-9]*") if folder.name.isdecimal()]
