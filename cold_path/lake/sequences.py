"""Which readings of a trip have been seen: sorted, disjoint spans of sequence numbers, nearly always one."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Spans = list[int]
"""first, last, first, last, …: inclusive, rising, with a gap between one span's last and the next one's first."""

Trip = tuple[str, int]
"""vehicle_id, trip_started_at_ms"""

Newest = dict[str, tuple[int, int]]
"""The highest (trip_started_at_ms, sequence) of each vehicle."""


def add(spans: Spans, sequence: int) -> bool:
    """Add one sequence number, in place; tell whether it was new."""
    if spans and sequence == spans[-1] + 1:
        spans[-1] = sequence
        return True
    if not spans or sequence > spans[-1]:
        spans += (sequence, sequence)
        return True
    at = bisect_left(spans, sequence)
    if at % 2 or spans[at] == sequence:
        return False
    return _insert(spans, at, sequence)


def _insert(spans: Spans, at: int, sequence: int) -> bool:
    """Put a number into the gap before the span that begins at index `at`, closing the gap where it can."""
    joins_left = at > 0 and spans[at - 1] == sequence - 1
    joins_right = spans[at] == sequence + 1
    if joins_left and joins_right:
        del spans[at - 1 : at + 1]
    elif joins_left:
        spans[at - 1] = sequence
    elif joins_right:
        spans[at] = sequence
    else:
        spans[at:at] = [sequence, sequence]
    return True


def spans_of(sequences: Iterable[int]) -> Spans:
    """Give the spans of numbers in any order."""
    spans: Spans = []
    for sequence in sorted(sequences):
        add(spans, sequence)
    return spans


class Seen:
    """Tells whether a reading stands at a lower offset of its partition: in this batch, or in the lake before it.

    What is above the vehicle's newest reading in the lake is surely new there; only a candidate at or below it costs
    a look-up, `known(vehicle_id, trip_started_at_ms)`, which gives the trip's spans in the lake, to be kept.
    """

    def __init__(self, newest: Newest, known: Callable[[str, int], Spans]) -> None:
        """Take what the lake holds; `newest` is read only."""
        self._newest = newest
        self._known = known
        self._fresh: dict[Trip, Spans] = {}
        self._old: dict[Trip, Spans] = {}

    def is_repeated(self, vehicle_id: str, trip_started_at_ms: int, sequence: int) -> bool:
        """Tell whether this reading came before; to be asked once a reading, in offset order."""
        newest = self._newest.get(vehicle_id)
        trip = (vehicle_id, trip_started_at_ms)
        if newest is not None and (trip_started_at_ms, sequence) <= newest:
            spans = self._old.get(trip)
            if spans is None:
                spans = self._old[trip] = list(self._known(vehicle_id, trip_started_at_ms))
            return not add(spans, sequence)
        spans = self._fresh.get(trip)
        if spans is None:
            self._fresh[trip] = [sequence, sequence]
            return False
        if sequence == spans[-1] + 1:
            spans[-1] = sequence
            return False
        return not add(spans, sequence)
