"""The fast lane: a healthy reading of a known vehicle moves its counters and passes; all others get a full look.

What passes leaves the same state and causes the same alerts (those of trends) as a full look would; laws in the tests
say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.codec import SAFE_BYTES, decode_within_ranges
from contracts.plausibility import MOST_AHEAD_MS, MOST_BEHIND_MS, has_plausible_times_and_counters
from rules.healthy import healthy_net

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Protocol, TypeVar

    from contracts.alert import Alert
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
    Sampled = Callable[[Followed, Reading, int, int], Sequence[Alert]]


class FastLane:
    """The fast lane of one partition."""

    def __init__(
        self,
        rules: Rules,
        *,
        registry: Mapping[str, Vehicle],
        vehicles: Mapping[bytes, Followed],
        dirty: deque[Followed],
        sample: Sampled,
    ) -> None:
        """Take the partition's vehicles by VIN, where those that have changed are put, and what samples one.

        `sample` is given the vehicle, its reading, the reading's offset and broker time.
        """
        self._net = healthy_net(rules)
        self._registry = registry
        self._vehicles = vehicles
        self._dirty = dirty
        self._sample = sample
        self.passed = 0
        """Readings that passed, since the beginning."""

    def unusual(  # noqa: C901 - one loop, as its docstring says
        self, records: Iterable[AnyKeyed], received_at_ms: int, alerts: list[Alert], *, silent_from_ms: int
    ) -> Iterator[AnyKeyed]:
        """Let readings pass; give, in order, the records that need a full look, and add what those that pass cause.

        Each is to be folded or rejected before the next is asked for. Not heard since `silent_from_ms` (broker time)
        means silent. A record's key is a hint where to look, nothing more: the VIN in the value counts.
        One loop: to take it apart would cost a call for each reading.
        """
        get, registry, dirty, sample = self._vehicles.get, self._registry, self._dirty, self._sample
        decode_healthy, passes_rest, is_healthy = self._net
        earliest_ms, latest_ms = received_at_ms - MOST_BEHIND_MS, received_at_ms + MOST_AHEAD_MS
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
            distance_m, fuel_ml, idle_s = reading.trip_distance_m, reading.trip_fuel_ml, reading.trip_idle_s
            if not (
                sequence > known.sequence
                and offset > known.offset
                and reading.trip_started_at_ms == known.trip_started_at_ms
                and recorded_at_ms >= known.from_ms
                and silent_from_ms < known.received_at_ms <= received_at_ms
                and reading.vehicle_id == known.vehicle_id
                and (
                    (
                        earliest_ms <= recorded_at_ms <= latest_ms
                        and recorded_at_ms <= known.until_ms
                        and distance_m <= known.surely_m
                        and (fuel_ml is None or fuel_ml <= known.surely_ml)
                        and (idle_s is None or idle_s <= known.surely_idle_s)
                    )
                    or has_plausible_times_and_counters(reading, received_at_ms)
                )
                and (is_healthy if known.is_unusual else passes_rest)(reading, registry)
            ):
                known.is_unusual = False
                yield record
                continue
            known.sequence, known.offset, known.received_at_ms, known.newest = sequence, offset, received_at_ms, value
            if recorded_at_ms > known.ended_at_ms:  # noqa: PLR1730 - max() costs three times as much
                known.ended_at_ms = recorded_at_ms
            if distance_m > known.distance_m:  # noqa: PLR1730
                known.distance_m = distance_m
            if fuel_ml is not None and (known.fuel_ml is None or fuel_ml > known.fuel_ml):
                known.fuel_ml = fuel_ml
            if idle_s is not None and (known.idle_s is None or idle_s > known.idle_s):
                known.idle_s = idle_s
            if not known.is_changed:
                known.is_changed = True
                dirty.append(known)
            passed += 1
            if recorded_at_ms >= known.look_at_ms <= received_at_ms:
                alerts += sample(known, reading, offset, received_at_ms)
        self.passed += passed
