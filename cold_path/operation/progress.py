"""What a person sees while a run lasts: the stage, the records it is about, how much is done and what is left."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from py4j.protocol import Py4JError  # type: ignore[import-untyped]

from observability.terminal import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from observability.terminal import Progress as Bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark import SparkContext

    from observability.terminal import Console

_BETWEEN_LOOKS_S: Final = 0.5


class Progress:
    """Shows a bar on a terminal, and nothing anywhere else: there the log tells of stages.

    The share done is that of Spark's tasks of the stage that runs now.
    """

    def __init__(self, context: SparkContext | None, console: Console) -> None:
        """Show on `console`; without a context nothing is known of tasks."""
        self._context = context
        self._console = console
        self._told = ""

    def computes(self, view: str) -> None:
        """Tell which view is computed now."""
        self._told = view

    @contextmanager
    def shown(self, stage: str, rows: int) -> Iterator[None]:
        """Show a stage for as long as the block lasts."""
        self._told = ""
        if not self._console.is_terminal or not rows:
            yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Bars(*columns, TextColumn("left"), TimeRemainingColumn(), console=self._console, transient=True) as bars:
            done = threading.Event()
            watch = threading.Thread(target=self._watch, args=(bars, stage, rows, done), daemon=True)
            watch.start()
            try:
                yield
            finally:
                done.set()
                watch.join()

    def _watch(self, bars: Bars, stage: str, rows: int, done: threading.Event) -> None:
        task = bars.add_task(stage, total=None)
        while not done.wait(_BETWEEN_LOOKS_S):
            finished, total = self._tasks()
            described = " ".join(part for part in (stage, self._told, f"{rows:,} records") if part)
            bars.update(task, description=described, completed=finished, total=total or None)

    def _tasks(self) -> tuple[int, int]:
        """Give how many tasks of the running stages are done, of how many."""
        finished = total = 0
        if self._context is None:
            return 0, 0
        with suppress(Py4JError, OSError):  # the session may end meanwhile
            tracker = self._context.statusTracker()
            for number in tracker.getActiveStageIds():
                if (info := tracker.getStageInfo(number)) is not None:
                    finished, total = finished + info.numCompletedTasks, total + info.numTasks
        return finished, total
