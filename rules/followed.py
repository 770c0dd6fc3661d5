"""A vehicle as a fold follows it: its state at the last full look, and what healthy readings have said since.

Nearly every reading only moves the counters. It moves them here, and the reading itself stays the bytes that it came
as: some thirty small objects a reading, kept until the next one, are what a large fleet's cost was. `settle` brings
the state up to date before anybody else looks at it, as if every reading had been folded into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from contracts.codec import decode_within_ranges, encode
from contracts.plausibility import LONGEST_TRIP_MS, surely_plausible_counters
from contracts.vehicle_state import VehicleState

if TYPE_CHECKING:
    from contracts.reading import Reading

NEVER_MS: Final = -1
CLOCK_SET_BACK_MS: Final = 60_000
"""A sample that is due later than this is due by a clock that was wrong."""


def _as_it_came(newest: bytes) -> Reading:
    return msgspec.Raw(newest)  # type: ignore[return-value]  # an encoder takes it as it is


_STALE = _as_it_came(b"null")
"""Stands for a newest reading that `newest` has as bytes: nothing is kept twice."""


@dataclass(slots=True, eq=False)
class Followed:
    """One vehicle. Counters are those of the current trip. No Struct, as to set a field of one costs much more."""

    vehicle_id: str
    state: VehicleState
    """As of the last full look while `newest` is there, else as of now."""
    offset: int = -1
    trip_started_at_ms: int = 0
    sequence: int = 0
    received_at_ms: int = 0
    distance_m: int = 0
    fuel_ml: int | None = None
    idle_s: int | None = None
    ended_at_ms: int = 0
    newest: bytes | None = None
    """The newest reading as it came, when it was healthy and no more than counters moved."""
    look_at_ms: int = NEVER_MS
    """Event time from which the next sample is due; NEVER_MS where every reading needs a full look."""
    from_ms: int = 0
    """The car's time from which a reading of this trip needs no full look by its time alone."""
    until_ms: int = 0
    """The car's time until which the trip is not too long; from `from_ms` on, counters up to these are plausible:"""
    surely_m: int = 0
    surely_ml: int = 0
    surely_idle_s: int = 0
    is_changed: bool = False
    """Whether the state is to be written."""
    is_unusual: bool = False
    """Whether the newest reading lay outside the healthy bands, as with a cold engine: the next one will, too."""

    @classmethod
    def of(cls, state: VehicleState) -> Followed:
        """Follow a vehicle from its state on."""
        followed = cls(state.newest.vehicle_id, state)
        followed.looked()
        return followed

    def looked(self) -> None:
        """Take over what a full look has made of the state."""
        state = self.state
        totals = state.trips[0]
        self.offset = state.offset
        self.trip_started_at_ms = state.newest.trip_started_at_ms
        self.sequence = state.newest.sequence
        self.received_at_ms = state.newest_received_at_ms
        self.distance_m, self.fuel_ml, self.idle_s = totals.distance_m, totals.fuel_ml, totals.idle_s
        self.ended_at_ms = totals.ended_at_ms
        is_calm = state.silent is None and not state.episodes and state.apart is None and state.refused_hour is None
        is_current = totals.trip_started_at_ms == state.newest.trip_started_at_ms
        self.look_at_ms = state.sample_due_ms if is_calm and is_current else NEVER_MS
        self._bound()

    def sampled(self) -> None:
        """Take over what a sample has made of the state: when the next is due, or that a trend is being followed."""
        state = self.state
        self.look_at_ms = state.sample_due_ms if not state.episodes and state.apart is None else NEVER_MS
        self._bound()

    def _bound(self) -> None:
        """Say once what every reading until the next look is compared with."""
        begun_ms = self.trip_started_at_ms
        self.from_ms = max(begun_ms, self.look_at_ms - CLOCK_SET_BACK_MS)
        self.until_ms = begun_ms + LONGEST_TRIP_MS
        self.surely_m, self.surely_ml, self.surely_idle_s = surely_plausible_counters(self.from_ms - begun_ms)

    def counted(self) -> VehicleState:
        """Give the state with its counters up to date; its newest reading may be an older one."""
        self._count_in()
        return self.state

    def settle(self) -> VehicleState:
        """Bring the state up to date, and give it."""
        if self.newest is not None:
            self._count_in()
            self.state.newest = decode_within_ranges(self.newest)
            self.newest = None
        return self.state

    def written(self) -> bytes:
        """Encode the state as of now; the newest reading as it came, where only counters moved."""
        if self.newest is None:
            return encode(self.state)
        self._count_in()
        self.state.newest = _as_it_came(self.newest)
        written = encode(self.state)
        self.state.newest = _STALE
        return written

    def _count_in(self) -> None:
        state = self.state
        totals = state.trips[0]
        totals.distance_m, totals.fuel_ml, totals.idle_s = self.distance_m, self.fuel_ml, self.idle_s
        totals.ended_at_ms = self.ended_at_ms
        state.offset = self.offset
        state.newest_received_at_ms = self.received_at_ms
        state.received_at_ms = max(state.received_at_ms, self.received_at_ms)
