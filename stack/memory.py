"""The memory of this process and of everything it started."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

import psutil

_ALIKE: Final = 0.01
"""Both are read one after the other, and grow meanwhile."""


class Resident(NamedTuple):
    """A process as the kernel tells of it; `size` in bytes."""

    number: int
    parent: int
    command: tuple[str, ...]
    size: int


def resident_mb(pid: int | None = None) -> int:
    """Give the resident memory, in MB, of a process (None: this one) and of all it started.

    Pages shared by several processes count in each. Raises psutil.NoSuchProcess when it has ended.
    """
    here = psutil.Process(pid)
    found = [told for each in (here, *here.children(recursive=True)) if (told := _resident(each)) is not None]
    return total_bytes(found) // 1_000_000


def total_bytes(processes: list[Resident]) -> int:
    """Sum up, but for copies of their parent: for a moment, a program that starts another one is there twice.

    A JVM of 2 GB that calls a small program would count as 4 GB otherwise.
    """
    by_number = {process.number: process for process in processes}
    return sum(process.size for process in processes if not _is_copy(process, by_number.get(process.parent)))


def _is_copy(process: Resident, parent: Resident | None) -> bool:
    if parent is None or process.command != parent.command:
        return False
    return abs(process.size - parent.size) <= parent.size * _ALIKE


class Peak:
    """The highest `resident_mb` seen."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.mb = 0

    async def watch(self, every_s: float = 1.0) -> None:
        """Look again and again, until cancelled."""
        while True:
            self.mb = max(self.mb, resident_mb())
            await asyncio.sleep(every_s)


def _resident(process: psutil.Process) -> Resident | None:
    try:
        with process.oneshot():
            return Resident(process.pid, process.ppid(), tuple(process.cmdline()), process.memory_info().rss)
    except psutil.Error:
        return None  # it ended meanwhile
