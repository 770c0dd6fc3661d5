"""A script's faults laid over days of trips: which trips each one touches, and since when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from simulator.faults.fault import Fault, PlannedFault
from simulator.trips.trip_calendar import Calendar

_AFTER_IGNITION_MS = 1000


def scripted(script: Iterable[PlannedFault], planned: Calendar, *, from_ms: int) -> Iterator[Fault]:
    """Give one fault for each trip that a planned one touches; `start` counts from `from_ms`.

    It begins when the car first drives at or after its start, and stays through parking until it is repaired. Times
    are milliseconds of the trip, before 0 where it began on an earlier one; `vehicle` is the trip, `script` the fault.
    """
    first = np.searchsorted(planned.vehicle, np.arange(int(planned.vehicle.max(initial=-1)) + 2))
    ends_ms = planned.started_at_ms + (planned.trip_s * 1000).astype(np.int64)
    for number, each in enumerate(script):
        if each.vehicle + 1 >= len(first):
            continue
        rows = np.arange(first[each.vehicle], first[each.vehicle + 1])
        rows = rows[ends_ms[rows] > from_ms + each.start_s * 1000]
        if not len(rows):
            continue
        begins_ms = max(int(planned.started_at_ms[rows[0]]) + _AFTER_IGNITION_MS, from_ms + round(each.start_s * 1000))
        lasts_ms = None if each.repair_s is None else round((each.growth_s + each.repair_s) * 1000)
        if lasts_ms is not None:
            rows = rows[planned.started_at_ms[rows] < begins_ms + lasts_ms]
        for row in rows.tolist():
            begun_ms = begins_ms - int(planned.started_at_ms[row])
            repair_ms = None if lasts_ms is None else begun_ms + lasts_ms
            yield Fault(
                row, each.kind, begun_ms, repair_ms, each.growth_s * 1000, full_severity=each.severity, script=number
            )


def joined(pieces: list[Fault]) -> Fault:
    """Make one fault again of its pieces, in epoch milliseconds: it ends with its repair, or with the last trip."""
    first, last = pieces[0], max(pieces, key=lambda piece: piece.ended_at_ms or 0)
    reached = [piece.reached_at_ms for piece in pieces if piece.reached_at_ms is not None]
    return replace(
        first,
        repair_due_ms=None,
        ended_at_ms=last.ended_at_ms,
        severity=max(piece.severity for piece in pieces),
        reached_at_ms=min(reached, default=None),
    )
