"""The one process that writes into a lake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cold_path.folders import made, sole_owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK_FILE: Final = ".writer.lock"


@contextmanager
def sole_writer(lake: Path) -> Iterator[None]:
    """Be the only one who ingests into this lake, or puts it in order.

    Raises Unavailable when another process does, InvalidInput when the folder cannot be written.
    """
    with sole_owner(made(lake, flag="--lake") / _LOCK_FILE, f"writes the lake {lake} already", flag="--lake"):
        yield
