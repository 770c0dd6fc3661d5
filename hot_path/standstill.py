"""Whether a partition stands still: readings wait at the broker and the committed offset does not move. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_BLINK_S = 10.0
"""Between two looks further apart (a stopped process, a broker that did not answer) nothing is known."""


class Offsets(NamedTuple):
    """What the broker tells of a partition; next offsets."""

    committed: int | None
    end: int


class StandstillWatch:
    """Since when each assigned partition has had readings to commit without committing any. Seconds of one clock."""

    def __init__(self) -> None:
        """Know nothing."""
        self._since: dict[int, tuple[int | None, float]] = {}
        self._looked_at_s: float | None = None

    def observe(self, offsets: Mapping[int, Offsets], now_s: float) -> dict[int, float]:
        """Take a look at the assigned partitions; give for how many seconds each that waits has stood still."""
        if self._looked_at_s is not None and now_s - self._looked_at_s > LONGEST_BLINK_S:
            self._since.clear()
        self._looked_at_s = now_s
        waiting = {partition: each.committed for partition, each in offsets.items() if (each.committed or 0) < each.end}
        self._since = {
            partition: (committed, self._standing_since(partition, committed, now_s))
            for partition, committed in waiting.items()
        }
        return {partition: now_s - since for partition, (_, since) in self._since.items()}

    def _standing_since(self, partition: int, committed: int | None, now_s: float) -> float:
        known = self._since.get(partition)
        return known[1] if known is not None and known[0] == committed else now_s
