"""What topic `vehicle-states` says, folded: the way back from what was written to states."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from contracts.codec import decode
from contracts.errors import MalformedRecord
from contracts.vehicle_state import MARK_PREFIX, Mark, VehicleState
from rules.totals import add_totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


Refused = Callable[[bytes, MalformedRecord], None]
Written = VehicleState | Mark | None


def _raise(_key: bytes, error: MalformedRecord) -> None:
    raise error


def restored(
    records: Iterable[tuple[bytes, bytes | None]], *, refused: Refused = _raise
) -> tuple[dict[str, VehicleState], Mark | None]:
    """Fold the records of one partition of `vehicle-states`: totals by maximum, all else by the highest offset.

    The order of records does not matter, since a worker that was thought dead may have written last.
    `refused` is told of a record that does not decode, which is left out; by default MalformedRecord is raised.
    """
    return gathered(_decoded(records, refused))


def gathered(written: Iterable[tuple[bytes, Written]]) -> tuple[dict[str, VehicleState], Mark | None]:
    """Fold what the records with these keys say, as `restored` does; None takes the vehicle of the key out."""
    states: dict[str, VehicleState] = {}
    mark: Mark | None = None
    for key, found in written:
        match found:
            case Mark():
                mark = _later(mark, found)
            case VehicleState():
                before = states.get(found.newest.vehicle_id)
                states[found.newest.vehicle_id] = found if before is None else merged_states(before, found)
            case None:
                states.pop(key.decode("ascii", "replace"), None)
    for state in states.values():
        del state.trips[1:]
    return states, mark


def _decoded(records: Iterable[tuple[bytes, bytes | None]], refused: Refused) -> Iterator[tuple[bytes, Written]]:
    for key, value in records:
        try:
            if value is None:
                yield key, None
            else:
                yield key, decode(value, Mark) if key.startswith(MARK_PREFIX) else decode(value, VehicleState)
        except MalformedRecord as error:
            refused(key, error)


def _later(mark: Mark | None, found: Mark) -> Mark:
    return found if mark is None or found.next_offset > mark.next_offset else mark


def merged_states(left: VehicleState, right: VehicleState) -> VehicleState:
    """Merge two writings of one vehicle's state: the higher offset wins, its trips raised by the other's."""
    newer, older = (right, left) if right.offset >= left.offset else (left, right)
    for totals in older.trips:
        add_totals(newer, totals)
    return newer
