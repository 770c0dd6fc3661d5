"""What topic `vehicle-states` says, folded: the way back from what was written to states."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from contracts.codec import decode
from contracts.errors import MalformedRecord
from contracts.vehicle_state import MARK_PREFIX, Mark, VehicleState
from rules.totals import add_totals

if TYPE_CHECKING:
    from collections.abc import Iterable


Refused = Callable[[bytes, MalformedRecord], None]


def _raise(_key: bytes, error: MalformedRecord) -> None:
    raise error


def restored(
    records: Iterable[tuple[bytes, bytes | None]], *, refused: Refused = _raise
) -> tuple[dict[str, VehicleState], Mark | None]:
    """Fold the records of one partition of `vehicle-states`: totals by maximum, all else by the highest offset.

    The order of records does not matter, since a worker that was thought dead may have written last.
    `refused` is told of a record that does not decode, which is left out; by default MalformedRecord is raised.
    """
    states: dict[str, VehicleState] = {}
    mark: Mark | None = None
    for key, value in records:
        try:
            if key.startswith(MARK_PREFIX):
                mark = _later(mark, None if value is None else decode(value, Mark))
            elif value is None:
                states.pop(key.decode(), None)
            else:
                state = decode(value, VehicleState)
                before = states.get(state.newest.vehicle_id)
                states[state.newest.vehicle_id] = state if before is None else merged_states(before, state)
        except MalformedRecord as error:
            refused(key, error)
    for state in states.values():
        del state.trips[1:]
    return states, mark


def _later(mark: Mark | None, found: Mark | None) -> Mark | None:
    if mark is None or found is None:
        return found if mark is None else mark
    return found if found.next_offset > mark.next_offset else mark


def merged_states(left: VehicleState, right: VehicleState) -> VehicleState:
    """Merge two writings of one vehicle's state: the higher offset wins, its trips raised by the other's."""
    newer, older = (right, left) if right.offset >= left.offset else (left, right)
    for totals in older.trips:
        add_totals(newer, totals)
    return newer
