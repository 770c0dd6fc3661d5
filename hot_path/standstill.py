"""Whether a partition stands still: readings wait at the broker and nothing of them is done. Pure.

What is owed next has to move: the committed offset where chunks are processed beyond it, else what is being written or
folded, and while states are restored what is read of them. A worker that is slow under load does not stand still, and
to restart it would be to begin anew; one that folds on and commits nothing does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_BLINK_S = 10.0
"""Between two looks further apart (a stopped process, a broker that did not answer) nothing is known."""


class Progress(NamedTuple):
    """What a worker tells of a partition."""

    processed: int | None = None
    """The next offset that it would commit."""
    moved: tuple[str, int] = ("", 0)
    """What it is at, and how far it has come there."""


class Offsets(NamedTuple):
    """What the broker tells of a partition, next offsets; and what the worker does."""

    committed: int | None
    end: int
    progress: Progress = Progress()

    def position(self) -> Position:
        """Return what has to move."""
        processed, moved = self.progress
        is_owed = (processed or 0) > (self.committed or 0)
        return self.committed, ("", 0) if is_owed else moved


Position = tuple[int | None, tuple[str, int]]


class StandstillWatch:
    """Since when each assigned partition has had readings that wait without getting further. Seconds of one clock."""

    def __init__(self) -> None:
        """Know nothing."""
        self._since: dict[int, tuple[Position, float]] = {}
        self._looked_at_s: float | None = None

    def observe(self, offsets: Mapping[int, Offsets], now_s: float) -> dict[int, float]:
        """Take a look at the assigned partitions; give for how many seconds each that waits has stood still."""
        if self._looked_at_s is not None and now_s - self._looked_at_s > LONGEST_BLINK_S:
            self._since.clear()
        self._looked_at_s = now_s
        waiting = {at: each.position() for at, each in offsets.items() if (each.committed or 0) < each.end}
        self._since = {at: (position, self._standing_since(at, position, now_s)) for at, position in waiting.items()}
        return {partition: now_s - since for partition, (_, since) in self._since.items()}

    def _standing_since(self, partition: int, position: Position, now_s: float) -> float:
        known = self._since.get(partition)
        return known[1] if known is not None and known[0] == position else now_s
