"""The memory of this process and of everything it started."""

from __future__ import annotations

import asyncio

import psutil


def resident_mb() -> int:
    """Give the resident memory of the tree, in MB; pages shared by several processes count in each."""
    here = psutil.Process()
    return sum(_resident(each) for each in (here, *here.children(recursive=True))) // 1_000_000


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


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0  # it ended meanwhile
