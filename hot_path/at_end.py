"""How long a partition has been at its end: the ground on which silence is judged while nothing arrives. Pure."""

from __future__ import annotations

from typing import NamedTuple

STALE_AFTER_MS = 5_000
"""The broker answers an empty fetch within 1.5 s; without an answer for this long nothing is known of the end."""


class Position(NamedTuple):
    """Where a worker stands in a partition; offsets are the next to be read."""

    fetched: int | None
    end: int | None
    """The last stable offset at the broker's last answer: what lies behind it is of an open transaction, or after it.

    Negative where the broker did not tell it.
    """
    answered_at_ms: int | None
    """When that answer came, local time in epoch milliseconds."""
    is_all_folded: bool
    """Whether everything fetched is folded."""
    is_held_up: bool = False
    """Whether there is something behind the end, which nobody reads before a transaction has ended."""


NOWHERE = Position(None, None, None, is_all_folded=False)
"""While partitions change hands."""


def is_at_end(position: Position, now_ms: int) -> bool:
    """Tell whether everything at the broker that is committed is folded, by an answer that is fresh."""
    fetched, end, answered_at_ms = position.fetched, position.end, position.answered_at_ms
    if fetched is None or end is None or end < 0 or answered_at_ms is None:
        return False
    return position.is_all_folded and fetched >= end and now_ms - answered_at_ms < STALE_AFTER_MS


class EndWatch:
    """For how long one partition has been at its end, without a break and without a record.

    While records arrive, the broker's time on them is what silence is judged by. Aborted ones are none: the end moves,
    and the hold goes on. While an open transaction holds records up, nobody knows how long ago these arrived: the hold
    stands where it was, and counts what it has missed once it turns out that there were none.
    """

    def __init__(self) -> None:
        """Start before the end."""
        self._since_ms: int | None = None
        self._held_ms = 0
        self._heard_to: int | None = None
        self.was_reached = False

    def observe(self, position: Position, now_ms: int, *, heard_to: int | None) -> int:
        """Take a look (local time, epoch ms); return for how long, in ms, it is certain that no record has arrived.

        `heard_to` is the first offset after the last record that was folded.
        """
        if not is_at_end(position, now_ms):
            self._since_ms = None
            return 0
        self.was_reached = True
        if self._since_ms is None or heard_to != self._heard_to:
            self._since_ms, self._heard_to, self._held_ms = now_ms, heard_to, 0
        if not position.is_held_up:
            self._held_ms = now_ms - self._since_ms
        return self._held_ms
