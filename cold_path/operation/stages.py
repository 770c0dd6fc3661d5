"""The stages of a run: each timed, shown while it lasts, and none begun once the program is asked to stop."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from observability.metrics import BATCH_RUN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cold_path.operation.progress import Progress
    from cold_path.operation.summary import Summary

_log = logging.getLogger("cold_path")


class Stopped(Exception):
    """The run was asked to stop between two stages; the next one goes on from there."""


class Stages:
    """Times and shows stages; `now_s` is the program's clock, epoch seconds."""

    def __init__(self, progress: Progress, *, now_s: Callable[[], float], is_stopping: Callable[[], bool]) -> None:
        """Show on `progress`."""
        self.progress = progress
        self.now_s = now_s
        self._is_stopping = is_stopping

    @contextmanager
    def stage(self, name: str, summary: Summary, *, rows: int = 0) -> Iterator[None]:
        """Time a stage; `rows` is the number of records it is about, where it is known. Raises Stopped."""
        if self._is_stopping():
            raise Stopped
        began = self.now_s()
        if rows:
            _log.info("stage began", extra={"stage": name, "records": rows})
        with self.progress.shown(name, rows):
            yield
        took = self.now_s() - began
        summary.stage_seconds[name] = round(took, 2)
        BATCH_RUN_SECONDS.labels(name).observe(took)
        _log.log(
            logging.INFO if rows else logging.DEBUG, "stage ended", extra={"stage": name, "seconds": round(took, 2)}
        )
