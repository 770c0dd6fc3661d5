"""What the way from car to broker does to readings: which are late, twice, lost or damaged. Pure functions of seeds.

Every draw is a hash of (seed of the knob, car, sequence number), so it depends neither on the order in which
readings are looked at nor on the other knobs: turning one leaves what the others do as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.draws import Shares, Words, mixed, share

Numbers = NDArray[np.int64]

_LATE, _DUPLICATED, _REORDERED, _LOST, _MALFORMED, _SKEW, _TUNNEL = range(7)
_ECHO_S: Final = 2.0
"""A reading that was sent twice comes again within this time: the device did not see the acknowledgement."""
_LEAST: Final = 2.0**-53


@dataclass(frozen=True, slots=True)
class Knob:
    """How much of one disturbance (a share of readings, seconds of skew, tunnels an hour), and its own seed."""

    amount: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Disturbances:
    """All knobs; without arguments nothing is disturbed. Durations are the longest in seconds; tunnels last exactly."""

    late: Knob = Knob()
    late_by_s: float = 60.0
    duplicated: Knob = Knob()
    reordered: Knob = Knob()
    reordered_within_s: float = 10.0
    lost: Knob = Knob()
    malformed: Knob = Knob()
    clock_skew: Knob = Knob()
    tunnel: Knob = Knob()
    tunnel_s: float = 60.0

    @property
    def is_quiet(self) -> bool:
        """Whether readings arrive as they were sent (clocks may still be wrong)."""
        knobs = (self.late, self.duplicated, self.reordered, self.lost, self.malformed, self.tunnel)
        return not any(knob.amount for knob in knobs)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What arrives: the row of each reading, when (on the clock of `sent_at_ms`), and whether it is damaged."""

    row: Numbers
    arrives_at_ms: Numbers
    is_malformed: NDArray[np.bool_]
    lost: int
    """How many of the readings never arrive."""


def skew_ms(disturbances: Disturbances, vehicle_id: NDArray[np.bytes_]) -> Numbers:
    """Give by how much each car's clock is wrong: constant for a car, evenly spread to both sides."""
    knob = disturbances.clock_skew
    if not knob.amount:
        return np.zeros(len(vehicle_id), dtype=np.int64)
    u = _u(knob, _SKEW, cars(vehicle_id), np.zeros(len(vehicle_id), dtype=np.int64))
    return np.rint((2 * u - 1) * knob.amount * 1000).astype(np.int64)


def deliveries(
    disturbances: Disturbances,
    *,
    vehicle_id: NDArray[np.bytes_],
    sequence: Numbers,
    sent_at_ms: Numbers,
    ends_trip: NDArray[np.bool_],
) -> Deliveries:
    """Tell what arrives of these readings, and when.

    The reading that ends a trip is kept by the car until it is acknowledged, as real devices do: it may come late or
    twice, but it is neither lost nor damaged.
    """
    car = cars(vehicle_id)

    def happens(knob: Knob, number: int) -> NDArray[np.bool_]:
        return _u(knob, number, car, sequence) < knob.amount

    lost = happens(disturbances.lost, _LOST) & ~ends_trip
    malformed = happens(disturbances.malformed, _MALFORMED) & ~ends_trip
    arrives = _after_tunnel_ms(disturbances, car, sent_at_ms)
    for knob, number, longest_s in (
        (disturbances.late, _LATE, disturbances.late_by_s),
        (disturbances.reordered, _REORDERED, disturbances.reordered_within_s),
    ):
        u = _u(knob, number, car, sequence)
        # Below the share, the draw itself spreads evenly over the delays.
        arrives = arrives + np.where(u < knob.amount, u / max(knob.amount, _LEAST) * longest_s * 1000, 0).astype(
            np.int64
        )
    once = np.flatnonzero(~lost)
    again = np.flatnonzero(happens(disturbances.duplicated, _DUPLICATED) & ~lost)
    echo_ms = (_u(disturbances.duplicated, _DUPLICATED, car[again], ~sequence[again]) * _ECHO_S * 1000).astype(np.int64)
    row = np.concatenate([once, again])
    return Deliveries(
        row=row,
        arrives_at_ms=np.concatenate([arrives[once], arrives[again] + echo_ms]),
        is_malformed=malformed[row],
        lost=int(lost.sum()),
    )


def _after_tunnel_ms(disturbances: Disturbances, car: Words, sent_at_ms: Numbers) -> Numbers:
    """Give when each reading leaves the car: what is recorded in a tunnel is stored until its end, then forwarded.

    Time is cut into spans that hold one tunnel each, somewhere within.
    """
    knob = disturbances.tunnel
    if not knob.amount:
        return sent_at_ms
    tunnel_ms = round(disturbances.tunnel_s * 1000)
    span_ms = max(round(3_600_000 / knob.amount), tunnel_ms)
    span = sent_at_ms // span_ms
    begins = span * span_ms + (_u(knob, _TUNNEL, car, span) * (span_ms - tunnel_ms)).astype(np.int64)
    is_inside = (sent_at_ms >= begins) & (sent_at_ms < begins + tunnel_ms)
    return np.where(is_inside, begins + tunnel_ms, sent_at_ms)


def cars(vehicle_id: NDArray[np.bytes_]) -> Words:
    """Give a number for each VIN, from its characters."""
    words: Words = np.ascontiguousarray(vehicle_id.astype("S24")).view(np.uint64).reshape(-1, 3)
    return mixed(words[:, 0] ^ mixed(words[:, 1] ^ mixed(words[:, 2])))


def _u(knob: Knob, number: int, car: Words, count: Numbers) -> Shares:
    """Draw from 0..1 for each (car, count)."""
    seed = mixed(np.array([knob.seed * 16 + number], dtype=np.uint64))
    return share(mixed(car ^ mixed(count.astype(np.uint64) ^ seed)))
