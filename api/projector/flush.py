"""Vehicle states, held until their mark arrives, so that the store always equals the stream up to a known offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contracts.vehicle_state import Mark, TripTotals, VehicleState, merged_totals

if TYPE_CHECKING:
    from collections.abc import Iterable


class LiveTrip(NamedTuple):
    """A trip's totals in the speed layer, and the source offset of the last state that touched it."""

    totals: TripTotals
    source_offset: int


class Flush(NamedTuple):
    """Everything of one partition up to a mark: at most one state a vehicle and one row a trip."""

    mark: Mark
    states: dict[str, VehicleState]
    trips: dict[tuple[str, int], LiveTrip]
    position: int
    """Where in vehicle-states to read on after a crash: nothing before it is missing from the store."""


class _Held(NamedTuple):
    record_offset: int
    vehicle_id: str
    state: VehicleState


class FlushBuffer:
    """One partition of vehicle-states; records in, whole flushes out. Memory: one flush."""

    def __init__(self, partition: int) -> None:
        """Start with nothing held."""
        self._partition = partition
        self._held: list[_Held] = []
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
                self._held.append(_Held(record_offset, written.newest.vehicle_id, written))

    def _add_mark(self, mark: Mark) -> None:
        # A worker that was thought dead may write an old mark last.
        if self._mark is None or mark.next_offset >= self._mark.next_offset:
            self._mark = mark
        self._is_marked = True

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
        position = self._held[0].record_offset if self._held else self._next_record
        return Flush(self._mark, _states(complete), _trips(complete), position)


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
