"""What is to be written to the store, and how it is cut into transactions of bounded size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.topics import ALERT_ACTIONS, ENGINE_ALERTS, VEHICLE_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from api.episode import Action, Change
    from api.projector.flush import Flush
    from contracts.rejection import Rejection
    from contracts.vehicle import Vehicle

ENOUGH_EVENTS: Final = 100
"""Changes or actions in one transaction; each may need an alert to be folded anew from all that is kept of it."""
ENOUGH_VEHICLES: Final = 500
ENOUGH_ERASURES: Final = 20
ENOUGH_REJECTED: Final = 500
"""The same of other rows; fewer of each where several kinds share a transaction."""
ENOUGH_STATES: Final = 300
"""States, or trips, in one transaction, unless one flush has more."""
URGENT: Final = frozenset({ENGINE_ALERTS.name, ALERT_ACTIONS.name})
"""The topics of what people wait for."""
Position = tuple[str, int]
"""A topic's name and one of its partitions."""


class Told(NamedTuple):
    """An alert's change, and where its record stands in engine-alerts."""

    change: Change
    partition: int
    record_offset: int


class Rejected(NamedTuple):
    """A rejection, where its record stands, and the vehicle it claims to be from if its key is a VIN."""

    rejection: Rejection
    partition: int
    record_offset: int
    vehicle_id: str | None


@dataclass(slots=True)
class Work:
    """What is to be written: rows, and the positions they bring the store to."""

    changes: list[Told] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    vehicles: dict[str, Vehicle | None] = field(default_factory=dict)
    """By VIN; None is taken out of the registry."""
    erasures: dict[str, int] = field(default_factory=dict)
    """By VIN the broker's time before which nothing may be known of it."""
    rejected: list[Rejected] = field(default_factory=list)
    flushes: list[Flush] = field(default_factory=list)
    positions: dict[Position, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self.positions or self.changes or self.actions or self.vehicles or self.erasures or self.rejected)

    def is_urgent(self) -> bool:
        """Tell whether people wait for some of this, or it says how far the topics are read that they wait for."""
        return bool(self.changes or self.actions) or any(topic in URGENT for topic, _ in self.positions)

    def vehicle_ids(self) -> set[str]:
        """Return the vehicles of which something is written that an erasure may forbid."""
        return {
            *(told.change.alert.vehicle_id for told in self.changes),
            *(rejected.vehicle_id for rejected in self.rejected if rejected.vehicle_id is not None),
            *(vehicle_id for flush in self.flushes for vehicle_id in flush.states),
            *(vehicle_id for flush in self.flushes for vehicle_id, _ in flush.trips),
        }

    def parts(self) -> Iterator[Work]:
        """Give transactions that amount to this, in order: what people wait for first, flushes last.

        A position is in the part behind which nothing before it is left to write: after a crash between two parts some
        records are read again, which changes nothing.
        """
        yield from self._small_parts()
        yield from self._flush_parts()

    def _small_parts(self) -> Iterator[Work]:
        flushed = {(VEHICLE_STATES.name, flush.partition) for flush in self.flushes}
        positions = {at: offset for at, offset in self.positions.items() if at not in flushed}
        urgent = {at: offset for at, offset in positions.items() if at[0] in URGENT}
        parts = [*_filled(self._rows()), *_filled(self._erased())]
        last_urgent = max((at for at, part in enumerate(parts) if part.is_urgent()), default=-1)
        if last_urgent < 0:  # of its own, else what is read of these partitions meanwhile would be written before it
            last_urgent = 0
            parts.insert(0, Work())
        parts[last_urgent].positions |= urgent
        parts[-1].positions |= {at: offset for at, offset in positions.items() if at not in urgent}
        yield from filter(None, parts)

    def _rows(self) -> Iterator[tuple[int, Work]]:
        """Give each row as a work of its own, and how many of its kind are enough."""
        yield from ((ENOUGH_EVENTS, Work(changes=[told])) for told in self.changes)
        yield from ((ENOUGH_EVENTS, Work(actions=[action])) for action in self.actions)
        yield from ((ENOUGH_VEHICLES, Work(vehicles={key: vehicle})) for key, vehicle in self.vehicles.items())
        yield from ((ENOUGH_REJECTED, Work(rejected=[rejected])) for rejected in self.rejected)

    def _erased(self) -> Iterator[tuple[int, Work]]:
        """Give each erasure, as above; these share no transaction with others, as they may take several."""
        yield from ((ENOUGH_ERASURES, Work(erasures={key: at_ms})) for key, at_ms in self.erasures.items())

    def add(self, other: Work) -> None:
        """Add rows of another work, which comes after this one."""
        self.changes += other.changes
        self.actions += other.actions
        self.vehicles |= other.vehicles
        self.erasures |= other.erasures
        self.rejected += other.rejected

    def add_flush(self, flush: Flush) -> None:
        """Add a flush, and where it brings its partition to."""
        self.flushes.append(flush)
        self.positions[VEHICLE_STATES.name, flush.partition] = flush.position

    def _flush_parts(self) -> Iterator[Work]:
        part = Work()
        for flush in self.flushes:
            part.add_flush(flush)
            if sum(max(len(one.states), len(one.trips)) for one in part.flushes) >= ENOUGH_STATES:
                yield part
                part = Work()
        if part:
            yield part


def _filled(rows: Iterable[tuple[int, Work]]) -> Iterator[Work]:
    """Give parts without positions, each filled up with one kind after the other."""
    part, room = Work(), 1.0
    for most, row in rows:
        part.add(row)
        room -= 1 / most
        if room <= 0:
            yield part
            part, room = Work(), 1.0
    if part:
        yield part
