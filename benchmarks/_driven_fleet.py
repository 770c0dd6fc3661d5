"""A day of the simulated fleet on Denver's roads, with the segments that it really drove."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cold_path.matching.readings import Floats, Readings
from roads import default_network
from simulator.faults.fault import Faults
from simulator.past.history import PastTrips
from simulator.trips.road_book import road_book
from simulator.trips.trip_calendar import calendar
from simulator.vehicles.fleet import fleet

UNTIL_MS = 1_795_000_000_000
SEED = 7


class DrivenFleet(NamedTuple):
    """Readings by trip, and each trip's segments in driving order."""

    readings: Readings
    segments: list[list[int]]


def driven_fleet(vehicles: int, *, every_s: int, noise_m: float) -> DrivenFleet:
    """Drive a day; `noise_m` is the standard deviation on each axis of the position, drifting over 45 s."""
    cars = fleet(vehicles, SEED)
    planned = calendar(vehicles, days=1.0, until_ms=UNTIL_MS, random=np.random.default_rng(SEED))
    faults = Faults(len(planned), per_vehicle_hour=0.0, growth_s=15, repair_s=90)
    trips = PastTrips(
        cars,
        road_book(default_network(), SEED),
        planned,
        interval_s=every_s,
        seed=SEED,
        faults=faults,
        gps_noise_m=noise_m * 2**0.5,
    )
    history = trips.drive(lambda _: None)
    values = history.columns.values
    names = [_text(vin) for vin in values["vehicle_id"]]
    keys = list(zip(names, values["trip_started_at_ms"].tolist(), strict=True))
    numbers = {key: i for i, key in enumerate(sorted(set(keys)))}
    trip = np.array([numbers[key] for key in keys])
    order = np.lexsort((values["recorded_at_ms"], trip))

    def signal(name: str) -> Floats:
        column: Floats = np.asarray(values[name], dtype=np.float64)[order]
        return column

    readings = Readings(
        trip[order],
        np.asarray(values["recorded_at_ms"])[order],
        signal("latitude_deg"),
        signal("longitude_deg"),
        signal("heading_deg"),
        signal("speed_kmh"),
        signal("trip_distance_m"),
        signal("trip_fuel_ml"),
        signal("trip_idle_s"),
    )
    segments: list[list[int]] = [[] for _ in numbers]
    for driven in history.driven.trips:
        segments[numbers[driven.vehicle_id, driven.trip_started_at_ms]] = list(driven.segments)
    return DrivenFleet(readings, segments)


def _text(vin: bytes | str) -> str:
    return vin.decode() if isinstance(vin, bytes) else str(vin)
