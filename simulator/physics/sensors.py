"""What a car says of its state: the contract's signals, with the noise of sensors and with what faults do to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from roads.geodesy import METRES_A_DEGREE
from simulator.faults.fault import FaultKind
from simulator.faults.symptoms import show
from simulator.physics.cars import Cars, intake_air_c
from simulator.physics.electricity import system_v
from simulator.physics.engine import oil_pressure_kpa
from simulator.physics.tyres import tyre_kpa
from simulator.readings.columns import ReadingColumns
from simulator.vehicles.fleet import Floats, Integers

_AMBIENT_KPA: Final = 83.4


@dataclass(frozen=True, slots=True)
class Moment:
    """When, where and as what the cars speak, one element a reading."""

    recorded_at_ms: Integers
    trip_started_at_ms: Integers
    sequence: Integers
    ignition_on: np.ndarray[tuple[int], np.dtype[np.bool_]]
    off_m: Floats
    """The error of each position, east, north and up."""


def readings(
    cars: Cars,
    rows: Integers,
    moment: Moment,
    *,
    ambient_c: Floats,
    random: np.random.Generator,
    severity: dict[FaultKind, Floats] | None = None,
) -> ReadingColumns:
    """Give the readings of these cars; `moment` has one element a reading, everything else one a car."""
    fleet = cars.fleet
    noise = random.standard_normal((3, len(rows)))
    ambient_c = ambient_c[rows]
    coolant_c, oil_c, rpm = cars.coolant_c[rows], cars.oil_c[rows], cars.rpm[rows]
    manifold_kpa = cars.manifold_kpa[rows]
    is_running = moment.ignition_on
    load_pct = np.where(is_running, np.clip(manifold_kpa / _AMBIENT_KPA * 100, 0, 100), 0)
    latitude, longitude, altitude_m, heading_deg = _position(cars, rows, moment.off_m)
    battery_v = system_v(
        cars.charge[rows], np.where(is_running, rpm, 0), charging_v=fleet.charging_v[rows], ambient_c=ambient_c
    )
    fuel_l = cars.fuel_at_start_l[rows] - cars.fuel_ml[rows] / 1000
    columns = ReadingColumns(
        {
            "vehicle_id": fleet.vehicle_id[rows],
            "sequence": moment.sequence,
            "recorded_at_ms": moment.recorded_at_ms,
            "trip_started_at_ms": moment.trip_started_at_ms,
            "trip_distance_m": _floor(cars.distance_m[rows]),
            "speed_kmh": cars.speed_mps[rows] * 3.6,
            "engine_rpm": np.where(is_running, rpm + 8 * noise[0], 0),
            "trip_fuel_ml": _floor(cars.fuel_ml[rows]),
            "trip_idle_s": _floor(cars.idle_s[rows]),
            "ignition_on": is_running,
            "odometer_m": _floor(cars.trip_odometer_m[rows]) + _floor(cars.distance_m[rows]),
            "latitude_deg": latitude,
            "longitude_deg": longitude,
            "altitude_m": altitude_m,
            "heading_deg": heading_deg,
            "acceleration_mps2": cars.acceleration_mps2[rows],
            "engine_load_pct": load_pct,
            "throttle_pct": np.where(is_running, np.clip(10 + 0.8 * (load_pct - 20), 10, 100), 10),
            "manifold_kpa": manifold_kpa,
            "air_flow_gps": cars.air_gps[rows],
            "intake_air_c": intake_air_c(ambient_c, coolant_c),
            "ambient_air_c": ambient_c,
            "coolant_c": coolant_c,
            "oil_c": oil_c,
            "oil_pressure_kpa": oil_pressure_kpa(rpm, oil_c),
            "oil_level": np.zeros(len(rows), dtype=np.int64),
            "battery_v": battery_v + 0.03 * noise[1] * is_running,
            "fuel_level_pct": np.clip(fuel_l / fleet.tank_l[rows] * 100, 0, 100),
            "short_fuel_trim_pct": np.where(is_running, 1.5 * np.clip(noise[2], -4, 4), 0),
            "long_fuel_trim_pct": fleet.long_trim_pct[rows],
            "misfires": np.zeros(len(rows), dtype=np.int64),
            "tyre_pressures_kpa": tyre_kpa(fleet.tyres[rows] * fleet.placard_kpa[rows, None], cars.tyre_c[rows]),
        },
        fleet.partition[rows],
    )
    if severity is not None:
        show(columns, {kind: values[rows] for kind, values in severity.items()}, random)
    return columns


def _position(cars: Cars, rows: Integers, off_m: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    latitude, longitude, altitude_m, heading_deg = cars.course.where(rows)
    east, north, up = off_m.T
    longitude = longitude + east / (METRES_A_DEGREE * np.cos(np.radians(latitude)))
    return latitude + north / METRES_A_DEGREE, longitude, altitude_m + up, heading_deg


def _floor(values: Floats) -> Integers:
    return np.floor(values).astype(np.int64)
