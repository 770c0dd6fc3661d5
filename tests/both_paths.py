"""Both paths and the merge over one stream of records, each by the project's own code, without a broker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from disturbed import Record

from contracts.alert import Alert
from contracts.codec import decode
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.vehicle import Vehicle
from contracts.vehicle_state import TripTotals, VehicleState, greatest, merged_totals
from rules import Rules
from rules.partition import PartitionFold

Trip = tuple[str, int]
Trips = dict[Trip, TripTotals]


@dataclass
class HotPath:
    """The hot path's folds, with what a reader of `vehicle-states` would have collected from them."""

    rules: Rules
    registry: Mapping[str, Vehicle]
    folds: dict[int, PartitionFold] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    trips: Trips = field(default_factory=dict)

    def read(self, records: Iterable[Record], *, flush_every: int) -> HotPath:
        """Fold records in offset order, writing states after every so many."""
        for at, record in enumerate(records):
            fold = self._fold(record.partition)
            self.alerts += fold.advance(record.received_at_ms)
            try:
                reading, _ = believe(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
            except MalformedReading:
                continue
            self.alerts += fold.fold(reading, offset=record.offset, received_at_ms=record.received_at_ms)
            if at % flush_every == 0:
                self.flush()
        self.flush()
        return self

    def flush(self) -> None:
        """Write all states, as the projector would then fold them."""
        for fold in self.folds.values():
            for key, value in fold.drain(10_000):
                for totals in decode(value, VehicleState).trips:
                    raise_to(self.trips, (key.decode(), totals.trip_started_at_ms), totals)

    def _fold(self, partition: int) -> PartitionFold:
        if partition not in self.folds:
            self.folds[partition] = PartitionFold(partition, self.rules, registry=self.registry)
        return self.folds[partition]


def raise_to(trips: Trips, trip: Trip, totals: TripTotals) -> None:
    """Fold one trip's totals by maximum."""
    known = trips.get(trip)
    trips[trip] = totals if known is None else merged_totals(known, totals)


def recomputed(records: Iterable[Record]) -> Trips:
    """Recompute every trip from the raw bytes, by nothing but the definition: the greatest counter of its readings."""
    counters: dict[Trip, dict[str, int | None]] = defaultdict(dict)
    for record in records:
        try:
            reading, _ = believe(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
        except MalformedReading:
            continue
        trip = counters[reading.vehicle_id, reading.trip_started_at_ms]
        for name in ("trip_distance_m", "trip_fuel_ml", "trip_idle_s", "recorded_at_ms"):
            trip[name] = greatest(trip.get(name), getattr(reading, name))
    return {
        key: TripTotals(
            trip_started_at_ms=key[1],
            distance_m=trip["trip_distance_m"] or 0,
            ended_at_ms=trip["recorded_at_ms"] or 0,
            fuel_ml=trip["trip_fuel_ml"],
            idle_s=trip["trip_idle_s"],
        )
        for key, trip in counters.items()
    }
