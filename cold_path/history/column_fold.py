"""The rules' fold over rows as columns: what no rule need look at moves the counters in whole runs.

It leaves the same states and causes the same alerts as `PartitionFold.advance` and `fold` do for one reading after the
other. Full looks and samples are taken in the order of the partition's rows, since vehicles share its clock and bounds.
A law in the tests says so.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from heapq import merge
from typing import TYPE_CHECKING, Final

from cold_path.history.healthy import healthy_rows
from cold_path.history.strands import Strands
from rules.followed import CLOCK_SET_BACK_MS
from rules.partition import PartitionFold
from rules.silence import SLOT_MS, fall_silent, is_overdue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cold_path.history.rows import Rows
    from contracts.alert import Alert
    from contracts.vehicle import Vehicle
    from contracts.vehicle_state import Mark, VehicleState
    from rules import Rules
    from rules.followed import Followed

_BEFORE: Final = -1
"""A place before the first row."""


class ColumnFold(PartitionFold):
    """The states of the vehicles of one partition, as its history moves them."""

    def __init__(
        self,
        partition: int,
        rules: Rules,
        *,
        registry: Mapping[str, Vehicle],
        states: dict[str, VehicleState] | None = None,
        mark: Mark | None = None,
    ) -> None:
        """Go on from `states` and `mark`, as `restored` returns them."""
        self._due_ms: dict[str, int] = {}
        super().__init__(partition, rules, registry=registry, states=states, mark=mark)

    def fold_rows(self, rows: Rows) -> list[Alert]:
        """Fold the partition's next rows; return the alerts in the order of the rows that caused them."""
        healthy = healthy_rows(rows, self.rules, self.registry)
        strands = Strands(rows, healthy, clock_ms=self.clock_ms, silence_ms=self._silence_ms)
        strands_of = [_Strand(self, strands, vehicle_id) for vehicle_id in sorted({*self._due_ms, *strands.bounds})]
        for _ in merge(*(strand.turns() for strand in strands_of)):
            pass  # a strand takes its turn when it is asked for the next one, the earliest first
        self.clock_ms = strands.last_clock_ms
        self.spilled.clear()  # history needs the newest trip only
        found = (each for strand in strands_of for each in strand.found)
        return [alert for _, alert in sorted(found, key=lambda each: each[0])]

    def followed(self, vehicle_id: str) -> Followed | None:
        """Give a vehicle that was heard before."""
        return self._vehicles.get(vehicle_id.encode())

    def due_ms(self, vehicle_id: str) -> int | None:
        """Give the end of the slot in which a silence of this vehicle is looked for, broker time."""
        due_ms = self._due_ms.get(vehicle_id)
        return None if due_ms is None else (due_ms // SLOT_MS + 1) * SLOT_MS

    def is_calm(self, known: Followed, strands: Strands, row: int) -> bool:
        """Tell whether a row needs no look, so that it may begin a run; the clock stands at the row."""
        return (
            strands.healthy[row]
            and known.look_at_ms >= 0
            and strands.sequence[row] > known.sequence
            and strands.offset[row] > known.offset
            and strands.trip[row] == known.trip_started_at_ms
            and strands.recorded_ms[row] >= known.look_at_ms - CLOCK_SET_BACK_MS
            and strands.clock_ms[row] - self._silence_ms < known.received_at_ms <= strands.received_ms[row]
        )

    def sampled(self, known: Followed, strands: Strands, row: int) -> list[Alert]:
        """Sample a vehicle at a row that needed no look otherwise."""
        self.clock_ms = strands.clock_ms[row]
        return list(self._sampled(known, strands.reading(row), strands.offset[row], strands.received_ms[row]))

    def look_for_silence(self, known: Followed, now_ms: int) -> list[Alert]:
        """Raise a silence that is overdue; its vehicle's state must be up to date. Say when to look again."""
        rule, heard_at_ms = self.rules.silence, known.received_at_ms
        assert rule is not None  # noqa: S101 - else nothing was due
        alerts: list[Alert] = []
        if is_overdue(known.state, rule.for_ms, now_ms):
            alerts.append(fall_silent(known.state, rule, self.rules))
            known.looked()
        self._watch(known, heard_at_ms if heard_at_ms + rule.for_ms > now_ms else now_ms)
        return alerts

    def _watch(self, followed: Followed, received_at_ms: int) -> None:
        if self.rules.silence is not None:
            self._due_ms[followed.vehicle_id] = received_at_ms + self._silence_ms


class _Strand:
    """One vehicle's rows while they are folded."""

    def __init__(self, fold: ColumnFold, strands: Strands, vehicle_id: str) -> None:
        """Begin before the first row."""
        self._fold = fold
        self._strands = strands
        self._vehicle_id = vehicle_id
        self._known = fold.followed(vehicle_id)
        self._newest = _BEFORE
        """The row of the newest reading, where the state does not have it yet."""
        self.found: list[tuple[int, Alert]] = []
        """Alerts, each with the place of the record that caused it."""

    def turns(self) -> Iterator[int]:
        """Yield the place of each row that needs a full look or a sample, in rising order.

        It is taken when the next is asked for. Looks at other vehicles may come in between, as all share the
        partition's bounds. All else that a vehicle goes through, its calm runs and silences, concerns nobody else, and
        is done at once.
        """
        strands = self._strands
        row, end = strands.bounds.get(self._vehicle_id, (0, 0))
        silence_at = self._next_silence(_BEFORE)
        while row < end or silence_at < strands.count:
            if row == end or strands.place[row] >= silence_at:
                self._look_for_silence(silence_at)
                silence_at = self._next_silence(silence_at)
            elif self._known is None or not self._fold.is_calm(self._known, strands, row):
                yield strands.place[row]
                silence_at = self._looked_at(row, silence_at)
                row += 1
            else:
                last, is_due = self._counted(self._known, row, silence_at)
                if is_due:
                    yield strands.place[last]
                    self._tell(strands.place[last], self._fold.sampled(self._known, strands, last))
                row = last + 1
        self._settle()

    def _next_silence(self, after: int) -> int:
        """Return the place of the record whose broker time lets a silence be found, after that place."""
        due_ms, strands = self._fold.due_ms(self._vehicle_id), self._strands
        if due_ms is None:
            return strands.count
        rise = max(bisect_left(strands.rise_clock_ms, due_ms), bisect_right(strands.rises, after))
        return strands.rises[rise] if rise < len(strands.rises) else strands.count

    def _look_for_silence(self, place: int) -> None:
        assert self._known is not None  # noqa: S101 - else nothing was due
        self._settle()
        self._tell(place, self._fold.look_for_silence(self._known, self._strands.clock_at(place)))

    def _looked_at(self, row: int, silence_at: int) -> int:
        """Look at a row in full; return where a silence is looked for next, which a vehicle's first reading sets."""
        strands, is_new = self._strands, self._known is None
        self._settle()
        self._fold.clock_ms = strands.clock_ms[row]
        alerts = self._fold.fold(strands.reading(row), strands.offset[row], strands.received_ms[row])
        self._tell(strands.place[row], alerts)
        self._known = self._fold.followed(self._vehicle_id)
        return self._next_silence(strands.place[row]) if is_new else silence_at

    def _counted(self, known: Followed, row: int, silence_at: int) -> tuple[int, bool]:
        """Count a calm run up to where a sample may be due; return its last row, and whether one is due there."""
        strands = self._strands
        end = bisect_left(strands.place, silence_at, row, strands.run_end(row))
        due = bisect_left(strands.recorded_ms, known.look_at_ms, row, end)
        last = min(due, end - 1)
        strands.count_in(known, last)
        self._newest = last
        return last, due == last and known.look_at_ms <= strands.received_ms[last]

    def _settle(self) -> None:
        """Bring the state up to date with the runs that were counted."""
        if self._newest != _BEFORE and self._known is not None:
            self._known.counted().newest = self._strands.reading(self._newest)
            self._newest = _BEFORE

    def _tell(self, place: int, alerts: Sequence[Alert]) -> None:
        self.found += [(place, alert) for alert in alerts]
