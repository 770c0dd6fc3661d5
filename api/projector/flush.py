"""Vehicle states, held until their mark arrives, so that the store always equals the stream up to a known offset.

Therefore a flush is one transaction. What waits for a mark is bounded: beyond it, which no honest hot path reaches,
states are written before their mark, and the store is ahead of it until it comes. Totals are right all the same, as
they only grow; a comparison with the stream at that mark finds them too high.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from contracts.vehicle_state import Mark, TripTotals, VehicleState, merged_totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_HELD: Final = 50_000
"""States and their trips that wait for a mark: of 300,000 vehicles in twelve partitions, each in one trip."""


class LiveTrip(NamedTuple):
    """A trip's totals in the speed layer, and the source offset of the last state that touched it."""

    totals: TripTotals
    source_offset: int


class Flush(NamedTuple):
    """Everything of one partition up to a mark: at most one state a vehicle and one row a trip.

    Without a mark it is the beginning of what was too much to wait for one.
    """

    partition: int
    mark: Mark | None
    states: dict[str, VehicleState]
    trips: dict[tuple[str, int], LiveTrip]
    position: int
    """Where in vehicle-states to read on after a crash: nothing before it is missing from the store."""


class _Held(NamedTuple):
    record_offset: int
    vehicle_id: str
    state: VehicleState


class FlushBuffer:
    """One partition of vehicle-states; records in, whole flushes out. Memory: one flush, MOST_HELD at most."""

    def __init__(self, partition: int) -> None:
        """Start with nothing held."""
        self._partition = partition
        self._held: list[_Held] = []
        self._held_rows = 0
        self._too_much: list[Flush] = []
        self._mark: Mark | None = None
        self._is_marked = False
        self._next_record = 0

    @property
    def is_empty(self) -> bool:
        """Whether no state waits for its mark."""
        return not self._held

    def add(self, record_offset: int, written: VehicleState | Mark | None) -> None:
        """Take what one record says, in offset order; None for one that says nothing or was passed over."""
        self._next_record = record_offset + 1
        match written:
            case Mark():
                self._add_mark(written)
            case VehicleState():
                self._hold(_Held(record_offset, written.newest.vehicle_id, _without_memory(written)))

    def _hold(self, held: _Held) -> None:
        self._held.append(held)
        self._held_rows += _rows(held)
        if self._held_rows >= MOST_HELD:
            self._too_much.append(self._flush(None, self._held, self._next_record))
            self._held, self._held_rows = [], 0

    def _flush(self, mark: Mark | None, complete: Sequence[_Held], position: int) -> Flush:
        return Flush(self._partition, mark, _states(complete), _trips(complete), position)

    def _add_mark(self, mark: Mark) -> None:
        # A worker that was thought dead may write an old mark last.
        if self._mark is None or mark.next_offset >= self._mark.next_offset:
            self._mark = mark
        self._is_marked = True

    def take_early(self) -> list[Flush]:
        """Return what was too much to wait for its mark since the last call; it comes before what `take` returns."""
        flushes, self._too_much = self._too_much, []
        return flushes

    def take(self) -> Flush | None:
        """Give what a mark has completed since the last call, None without a new mark.

        A state beyond the mark stays held: a worker that died before its mark may have written it, and with it the
        store would be ahead of what the mark says.
        """
        if not self._is_marked or self._mark is None:
            return None
        self._is_marked = False
        complete = [held for held in self._held if held.state.offset < self._mark.next_offset]
        self._held = [held for held in self._held if held.state.offset >= self._mark.next_offset]
        self._held_rows = sum(map(_rows, self._held))
        position = self._held[0].record_offset if self._held else self._next_record
        return self._flush(self._mark, complete, position)


def _without_memory(state: VehicleState) -> VehicleState:
    """Return a state without what only the hot path's rules remember: nothing of it is stored."""
    return msgspec.structs.replace(state, episodes=[], samples=[], trends=[], charges=[])


def _rows(held: _Held) -> int:
    return 1 + len(held.state.trips)


def _states(complete: Iterable[_Held]) -> dict[str, VehicleState]:
    newest: dict[str, VehicleState] = {}
    for _, vehicle_id, state in complete:
        known = newest.get(vehicle_id)
        # Equal offsets: silence changes a state without a reading, so the later record knows more.
        if known is None or state.offset >= known.offset:
            newest[vehicle_id] = state
    return newest


def _trips(complete: Iterable[_Held]) -> dict[tuple[str, int], LiveTrip]:
    trips: dict[tuple[str, int], LiveTrip] = {}
    for _, vehicle_id, state in complete:
        for totals in state.trips:
            key = (vehicle_id, totals.trip_started_at_ms)
            known = trips.get(key)
            trips[key] = (
                LiveTrip(merged_totals(known.totals, totals), max(known.source_offset, state.offset))
                if known
                else LiveTrip(totals, state.offset)
            )
    return trips
