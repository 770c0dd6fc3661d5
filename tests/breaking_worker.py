"""A hot-path worker that breaks on purpose: `python breaking_worker.py STEP TIMES FLAGS…`.

At STEP of the order of effects it is killed as by `kill -9`, the TIMES-th time that it comes there. The step `stuck`
kills nothing: from then on no chunk counts as processed.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import uvloop
from pydantic_settings import CliApp

from contracts.vehicle_state import MARK_PREFIX
from hot_path.__main__ import serve
from hot_path.app import HotPath
from hot_path.publisher import Publisher, Sent
from hot_path.settings import HotPathSettings
from observability.program import run

if TYPE_CHECKING:
    from contracts.alert import Alert
    from hot_path.transport import Chunk

STEPS = ("before_alert", "before_states", "between_states", "before_mark", "before_commit")


class Fuse:
    """Counts how often a step is come to."""

    def __init__(self, step: str, times: int) -> None:
        self._step = step
        self._left = times

    def is_blown(self, step: str) -> bool:
        if step == self._step:
            self._left -= 1
        return step == self._step and self._left <= 0

    def pass_by(self, step: str) -> None:
        if self.is_blown(step):
            os.kill(os.getpid(), signal.SIGKILL)


class BreakingPublisher(Publisher):
    """Is killed before what it is about to send."""

    def __init__(self, settings: HotPathSettings, fuse: Fuse) -> None:
        super().__init__(settings)
        self._fuse = fuse

    async def alert(self, alert: Alert, *, partition: int) -> Sent:
        self._fuse.pass_by("before_alert")
        return await super().alert(alert, partition=partition)

    async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Sent]:
        if records[0][0].startswith(MARK_PREFIX):
            self._fuse.pass_by("before_mark")
            return await super().states(records, partition=partition)
        self._fuse.pass_by("before_states")
        half = len(records) // 2
        if half and self._fuse.is_blown("between_states"):
            for sent in await super().states(records[:half], partition=partition):
                await sent
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().states(records, partition=partition)


class BreakingHotPath(HotPath):
    """Is killed when a chunk's effects are all acknowledged and its offset not committed."""

    def __init__(self, settings: HotPathSettings, fuse: Fuse) -> None:
        super().__init__(settings, publisher=BreakingPublisher(settings, fuse))
        self._fuse = fuse

    def processed(self, chunk: Chunk) -> None:
        self._fuse.pass_by("before_commit")
        if not self._fuse.is_blown("stuck"):
            super().processed(chunk)


def main() -> None:
    step, times, *flags = sys.argv[1:]
    fuse = Fuse(step, int(times))
    settings = CliApp.run(HotPathSettings, cli_args=flags, cli_cmd_method_name="_none")
    sys.exit(run("hot-path", lambda: uvloop.run(serve(settings, build=lambda known: BreakingHotPath(known, fuse)))))


if __name__ == "__main__":
    main()
