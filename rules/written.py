"""What topic `vehicle-states` says, folded: the way back from what was written to states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.codec import decode
from contracts.vehicle_state import MARK_PREFIX, Mark, VehicleState
from rules.totals import add_totals

if TYPE_CHECKING:
    from collections.abc import Iterable


def restored(records: Iterable[tuple[bytes, bytes | None]]) -> tuple[dict[str, VehicleState], Mark | None]:
    """Fold the records of one partition of `vehicle-states`: totals by maximum, all else by the highest offset.

    The order of records does not matter, since a worker that was thought dead may have written last.
    Raises MalformedRecord.
    """
    states: dict[str, VehicleState] = {}
    mark: Mark | None = None
    for key, value in records:
        if key.startswith(MARK_PREFIX):
            found = None if value is None else decode(value, Mark)
            if found is not None and (mark is None or found.next_offset > mark.next_offset):
                mark = found
        elif value is None:
            states.pop(key.decode(), None)
        else:
            vehicle_id, state = key.decode(), decode(value, VehicleState)
            before = states.get(vehicle_id)
            states[vehicle_id] = state if before is None else merged_states(before, state)
    for state in states.values():
        del state.trips[1:]
    return states, mark


def merged_states(left: VehicleState, right: VehicleState) -> VehicleState:
    """Merge two writings of one vehicle's state: the higher offset wins, its trips raised by the other's."""
    newer, older = (right, left) if right.offset >= left.offset else (left, right)
    for totals in older.trips:
        add_totals(newer, totals)
    return newer
