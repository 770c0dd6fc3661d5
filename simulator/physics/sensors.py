"""What a car says of its state: the contract's signals, with the noise of sensors and with what faults do to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulator.faults.fault import FaultKind
from simulator.faults.symptoms import show
from simulator.physics.cars import Cars, intake_air_c
from simulator.physics.engine import oil_pressure_kpa
from simulator.readings.columns import ReadingColumns
from simulator.vehicles.fleet import Floats, Integers

_CITY_LATITUDE_DEG: Final = 39.74
_CITY_LONGITUDE_DEG: Final = -104.99
_M_PER_DEG: Final = 111_320.0
_AMBIENT_KPA: Final = 83.4
_AT_REST_V: Final = 12.6
_TYRE_KPA_PER_C: Final = 0.7
_TYRES_FILLED_AT_C: Final = 18.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When and as what the cars speak: per car the clock, the trip's begin and the sequence number."""

    recorded_at_ms: Integers
    trip_started_at_ms: Integers
    sequence: Integers
    ignition_on: np.ndarray[tuple[int], np.dtype[np.bool_]]


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
    fleet = cars.fleet.take(rows)
    noise = random.standard_normal((3, len(rows)))
    ambient_c = ambient_c[rows]
    coolant_c, oil_c, rpm = cars.coolant_c[rows], cars.oil_c[rows], cars.rpm[rows]
    manifold_kpa = cars.manifold_kpa[rows]
    is_running = moment.ignition_on
    load_pct = np.where(is_running, np.clip(manifold_kpa / _AMBIENT_KPA * 100, 0, 100), 0)
    position_m = cars.position_m[rows]
    fuel_l = cars.fuel_at_start_l[rows] - cars.fuel_ml[rows] / 1000
    columns = ReadingColumns(
        {
            "vehicle_id": fleet.vehicle_id,
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
            "latitude_deg": _CITY_LATITUDE_DEG + position_m[:, 1] / _M_PER_DEG,
            "longitude_deg": _CITY_LONGITUDE_DEG
            + position_m[:, 0] / (_M_PER_DEG * np.cos(np.radians(_CITY_LATITUDE_DEG))),
            "altitude_m": cars.altitude_m[rows],
            "heading_deg": cars.heading_deg[rows],
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
            "battery_v": np.where(is_running, fleet.charging_v + 0.03 * noise[1], _AT_REST_V),
            "fuel_level_pct": np.clip(fuel_l / fleet.tank_l * 100, 0, 100),
            "short_fuel_trim_pct": np.where(is_running, 1.5 * np.clip(noise[2], -4, 4), 0),
            "long_fuel_trim_pct": fleet.long_trim_pct,
            "misfires": np.zeros(len(rows), dtype=np.int64),
            "tyre_pressures_kpa": fleet.tyres * fleet.placard_kpa[:, None]
            + _TYRE_KPA_PER_C * (ambient_c - _TYRES_FILLED_AT_C)[:, None],
        }
    )
    if severity is not None:
        show(columns, {kind: values[rows] for kind, values in severity.items()}, random)
    return columns


def _floor(values: Floats) -> Integers:
    return np.floor(values).astype(np.int64)
