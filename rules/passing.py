"""The fast lane: a healthy reading of a known vehicle moves its counters and passes; all others get a full look.

What passes leaves the same state as a full look would and causes no alert; a law in the tests says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.codec import SAFE_BYTES, decode_within_ranges, encode
from contracts.plausibility import has_plausible_times_and_counters
from contracts.vehicle_state import greatest
from rules.healthy import healthy_net

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol, TypeVar

    from contracts.reading import Reading
    from contracts.vehicle import Vehicle
    from rules.followed import Followed
    from rules.rule import Rules

    class Keyed(Protocol):
        """A record of `vehicle-readings` as it came."""

        offset: int
        key: bytes | None
        value: bytes | None

    AnyKeyed = TypeVar("AnyKeyed", bound=Keyed)

CLOCK_SET_BACK_MS: Final = 60_000
"""A sample that is due later than this is due by a clock that was wrong."""


class FastLane:
    """The fast lane of one partition."""

    def __init__(
        self,
        rules: Rules,
        *,
        registry: Mapping[str, Vehicle],
        vehicles: Mapping[bytes, Followed],
        dirty: deque[Followed],
    ) -> None:
        """Take the partition's vehicles by VIN, and where those that have changed are put."""
        self._net = healthy_net(rules)
        self._registry = registry
        self._vehicles = vehicles
        self._dirty = dirty
        self.passed = 0
        """Readings that passed, since the beginning."""

    def passes(self, reading: Reading, offset: int, received_at_ms: int, *, silent_from_ms: int) -> bool:
        """Let one reading pass that is decoded and judged already, as history has it; tell whether it did."""
        known = self._vehicles.get(reading.vehicle_id.encode())
        if known is None or not (
            reading.sequence > known.sequence
            and offset > known.offset
            and reading.trip_started_at_ms == known.trip_started_at_ms
            and 0 < known.look_at_ms - reading.recorded_at_ms <= CLOCK_SET_BACK_MS
            and silent_from_ms < known.received_at_ms <= received_at_ms
            and self._net.is_healthy(reading, self._registry)
        ):
            return False
        known.sequence, known.offset, known.received_at_ms = reading.sequence, offset, received_at_ms
        known.newest = encode(reading)
        known.ended_at_ms = max(known.ended_at_ms, reading.recorded_at_ms)
        known.distance_m = max(known.distance_m, reading.trip_distance_m)
        known.fuel_ml = greatest(known.fuel_ml, reading.trip_fuel_ml)
        known.idle_s = greatest(known.idle_s, reading.trip_idle_s)
        if not known.is_changed:
            known.is_changed = True
            self._dirty.append(known)
        self.passed += 1
        return True

    def unusual(self, records: Iterable[AnyKeyed], received_at_ms: int, *, silent_from_ms: int) -> Iterator[AnyKeyed]:
        """Let readings pass; give, in order, the records that need a full look.

        Each is to be folded or rejected before the next is asked for. Not heard since `silent_from_ms` (broker time)
        means silent. A record's key is a hint where to look, nothing more: the VIN in the value counts.
        One loop: to take it apart would cost a call for each reading.
        """
        get, registry, dirty = self._vehicles.get, self._registry, self._dirty
        decode_healthy, passes_rest, is_healthy = self._net
        passed = 0
        for record in records:
            known = get(record.key)  # type: ignore[arg-type]  # None is nobody's key
            value = record.value
            if known is None or known.look_at_ms < 0 or value is None or len(value) > SAFE_BYTES:
                yield record
                continue
            try:
                reading = decode_within_ranges(value) if known.is_unusual else decode_healthy(value)
            except Exception:  # noqa: BLE001 - whatever it is, the full look finds the name for it
                known.is_unusual = True
                yield record
                continue
            sequence, offset, recorded_at_ms = reading.sequence, record.offset, reading.recorded_at_ms
            if not (
                sequence > known.sequence
                and offset > known.offset
                and reading.trip_started_at_ms == known.trip_started_at_ms
                and 0 < known.look_at_ms - recorded_at_ms <= CLOCK_SET_BACK_MS
                and silent_from_ms < known.received_at_ms <= received_at_ms
                and reading.vehicle_id == known.vehicle_id
                and has_plausible_times_and_counters(reading, received_at_ms)
                and (is_healthy if known.is_unusual else passes_rest)(reading, registry)
            ):
                known.is_unusual = False
                yield record
                continue
            known.sequence, known.offset, known.received_at_ms, known.newest = sequence, offset, received_at_ms, value
            if recorded_at_ms > known.ended_at_ms:  # noqa: PLR1730 - max() costs three times as much
                known.ended_at_ms = recorded_at_ms
            if reading.trip_distance_m > known.distance_m:  # noqa: PLR1730
                known.distance_m = reading.trip_distance_m
            fuel_ml, idle_s = reading.trip_fuel_ml, reading.trip_idle_s
            if fuel_ml is not None and (known.fuel_ml is None or fuel_ml > known.fuel_ml):
                known.fuel_ml = fuel_ml
            if idle_s is not None and (known.idle_s is None or idle_s > known.idle_s):
                known.idle_s = idle_s
            if not known.is_changed:
                known.is_changed = True
                dirty.append(known)
            passed += 1
        self.passed += passed
