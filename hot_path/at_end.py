"""How long a partition has been at its end: the ground on which silence is judged while nothing arrives. Pure."""

from __future__ import annotations

from typing import NamedTuple

STALE_AFTER_MS = 5_000
"""The broker answers an empty fetch within 1.5 s; without an answer for this long nothing is known of the end."""


class Position(NamedTuple):
    """Where a worker stands in a partition; offsets are the next to be read."""

    fetched: int | None
    end: int | None
    """The end at the broker's last answer."""
    answered_at_ms: int | None
    """When that answer came, local time in epoch milliseconds."""
    is_all_folded: bool
    """Whether everything fetched is folded."""


NOWHERE = Position(None, None, None, is_all_folded=False)
"""While partitions change hands."""


def is_at_end(position: Position, now_ms: int) -> bool:
    """Tell whether everything at the broker is folded, by an answer that is fresh."""
    fetched, end, answered_at_ms, is_all_folded = position
    if fetched is None or end is None or answered_at_ms is None:
        return False
    return is_all_folded and fetched >= end and now_ms - answered_at_ms < STALE_AFTER_MS


class EndWatch:
    """Since when one partition has been at the same end, without a break: nothing has arrived for so long.

    While records arrive, the broker's time on them is what silence is judged by.
    """

    def __init__(self) -> None:
        """Start before the end."""
        self._since_ms: int | None = None
        self._end: int | None = None
        self.was_reached = False

    def observe(self, position: Position, now_ms: int) -> int:
        """Take a look (local time, epoch milliseconds); give for how long, in ms, this end has been held."""
        if not is_at_end(position, now_ms):
            self._since_ms = None
            return 0
        self.was_reached = True
        if self._since_ms is None or position.end != self._end:
            self._since_ms, self._end = now_ms, position.end
        return now_ms - self._since_ms
