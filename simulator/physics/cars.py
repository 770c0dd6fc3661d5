"""The state of many cars and how it moves on by a second: road, engine, heat, electricity, counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulator.physics import driving, engine, thermal
from simulator.vehicles.fleet import Fleet, Floats, Integers

LONGEST_STEP_S: Final = 1.0
_IDLING_MPS: Final = 0.14
_HOME_ALTITUDE_M: Final = 1610.0


@dataclass(frozen=True, slots=True)
class Harm:
    """What faults do to the physics, 0 to 1 a car; the other faults only change what the sensors see."""

    coolant_leak: Floats
    coolant_reach_s: Floats
    stuck_thermostat: Floats
    """By how much the thermostat stands open whatever the temperature."""


class Cars:
    """State of cars on the road, one array element each; `running` says whose engine is on. Mutable, not shared."""

    def __init__(self, fleet: Fleet, *, coolant_c: Floats, fuel_level_pct: Floats, odometer_m: Floats) -> None:
        """Park the cars at home."""
        cars = len(fleet)
        self.fleet = fleet
        self.legs = driving.Legs(cars)
        self.running = np.zeros(cars, dtype=bool)
        self.trip_s = np.zeros(cars)
        """How long the trip is planned to take."""
        self.elapsed_s = np.zeros(cars)
        self.speed_mps = np.zeros(cars)
        self.acceleration_mps2 = np.zeros(cars)
        self.distance_m = np.zeros(cars)
        self.fuel_ml = np.zeros(cars)
        self.idle_s = np.zeros(cars)
        self.trip_odometer_m = odometer_m.astype(np.float64)
        """Where the odometer stood when the trip began; `fuel_at_start_l` likewise."""
        self.fuel_at_start_l = fuel_level_pct / 100 * fleet.tank_l
        self.position_m = fleet.home_m.copy()
        self.heading_deg = (fleet.phase_ms * 0.36) % 360
        self.altitude_m = _altitude_m(self.position_m)
        self.coolant_c = coolant_c.copy()
        self.oil_c = coolant_c - 2
        self.rpm = np.zeros(cars)
        self.fuel_gps = np.zeros(cars)
        self.air_gps = np.zeros(cars)
        self.manifold_kpa = np.full(cars, engine.OPEN_MANIFOLD_KPA)

    def start(self, rows: Integers, trip_s: Floats) -> None:
        """Turn the ignition on: counters begin at zero, the engine idles."""
        self.running[rows] = True
        self.trip_s[rows] = trip_s
        self.legs.begin(rows)
        for counter in (self.elapsed_s, self.distance_m, self.fuel_ml, self.idle_s, self.speed_mps):
            counter[rows] = 0
        self.acceleration_mps2[rows] = 0
        self.rpm[rows] = self.fleet.idle_rpm[rows]

    def stop(self, rows: Integers) -> None:
        """Turn the ignition off, where the car is; counters keep what the trip reached."""
        self.running[rows] = False
        for signal in (self.speed_mps, self.acceleration_mps2, self.rpm, self.fuel_gps, self.air_gps):
            signal[rows] = 0
        self.manifold_kpa[rows] = engine.OPEN_MANIFOLD_KPA

    def park(self, rows: Integers, *, parked_s: Floats, ambient_c: Floats) -> None:
        """Let time pass since a trip: engines cool, counters go into odometer and tank, an empty tank is filled."""
        self.trip_odometer_m[rows] += np.floor(self.distance_m[rows])
        left_l = self.fuel_at_start_l[rows] - self.fuel_ml[rows] / 1000
        tank_l = self.fleet.tank_l[rows]
        self.fuel_at_start_l[rows] = np.where(left_l < 0.2 * tank_l, 0.95 * tank_l, left_l)
        self.coolant_c[rows] = thermal.cooled(self.coolant_c[rows], ambient_c, parked_s)
        self.oil_c[rows] = thermal.cooled(self.oil_c[rows], ambient_c, parked_s)

    def advance(self, dt_s: float, *, ambient_c: Floats, random: np.random.Generator, harm: Harm | None = None) -> None:
        """Move every running car on by `dt_s`, in steps of at most a second."""
        steps = int(np.ceil(dt_s / LONGEST_STEP_S - 1e-9))
        for _ in range(steps):
            self._step(dt_s / steps, ambient_c, random, harm)

    def _step(self, dt_s: float, ambient_c: Floats, random: np.random.Generator, harm: Harm | None) -> None:
        self._steer(dt_s, random)
        climb_mps, road_n = self._move(dt_s)
        self._burn(dt_s, ambient_c, climb_mps, road_n)
        self._warm(dt_s, ambient_c, harm)

    def _steer(self, dt_s: float, random: np.random.Generator) -> None:
        self.elapsed_s += np.where(self.running, dt_s, 0)
        self.legs.advance(self.fleet, dt_s=dt_s, driving=np.flatnonzero(self.running), random=random)
        is_arriving = self.trip_s - self.elapsed_s <= driving.braking_s(self.fleet, self.speed_mps)
        self.legs.target_mps[is_arriving | ~self.running] = 0

    def _move(self, dt_s: float) -> tuple[Floats, Floats]:
        fleet, before = self.fleet, self.speed_mps
        road_n = engine.road_load_n(before, fleet.road_load_a, fleet.road_load_b, fleet.road_load_c)
        wanted = driving.acceleration(fleet, before, self.legs.target_mps, road_n)
        after = driving.speed_after(before, wanted, self.legs.target_mps, dt_s)
        self.acceleration_mps2 = (after - before) / dt_s
        moved_m = (before + after) / 2 * dt_s
        self.speed_mps = after
        self.distance_m += moved_m
        self.heading_deg = driving.homewards_deg(self.position_m, self.heading_deg + self.legs.turn_deg)
        bearing = np.radians(self.heading_deg)
        self.position_m = self.position_m + moved_m[:, None] * np.stack([np.sin(bearing), np.cos(bearing)], axis=1)
        altitude_m = _altitude_m(self.position_m)
        climb_mps = (altitude_m - self.altitude_m) / dt_s
        self.altitude_m = altitude_m
        return climb_mps, road_n

    def _burn(self, dt_s: float, ambient_c: Floats, climb_mps: Floats, road_n: Floats) -> None:
        fleet, intake_c = self.fleet, intake_air_c(ambient_c, self.coolant_c)
        wheel_kw = engine.wheel_power_kw(self.speed_mps, road_n, fleet.mass_kg, self.acceleration_mps2, climb_mps)
        is_overrun = engine.is_overrun(wheel_kw, self.speed_mps)
        burnt = engine.fuel_gps(wheel_kw, self.speed_mps, displacement_l=fleet.displacement_l, rated_kw=fleet.rated_kw)
        fuel_gps = np.where(self.running, burnt, 0)
        air_gps = fuel_gps * engine.STOICHIOMETRIC
        rpm = engine.geared_rpm(self.speed_mps, fleet.gears, fleet.shift_rpm, fleet.idle_rpm)
        needed = engine.rpm_for(air_gps, engine.OPEN_MANIFOLD_KPA, intake_c, fleet.displacement_l)
        # Power shifts the gearbox down; with hardly any, it stays in a higher gear or the converter slips.
        longest = np.maximum(needed * (engine.OPEN_MANIFOLD_KPA / engine.CLOSED_MANIFOLD_KPA), fleet.idle_rpm)
        geared = np.where(is_overrun, rpm, np.minimum(rpm, longest))
        self.rpm = np.where(self.running, np.clip(needed, geared, engine.HIGHEST_RPM), 0)
        manifold = engine.manifold_kpa_for(air_gps, self.rpm, intake_c, fleet.displacement_l)
        closed = np.full_like(manifold, engine.OVERRUN_MANIFOLD_KPA)
        self.manifold_kpa = np.where(is_overrun, closed, np.where(self.running, manifold, engine.OPEN_MANIFOLD_KPA))
        pumped = engine.air_flow_gps(self.rpm, closed, intake_c, fleet.displacement_l)
        self.air_gps = np.where(is_overrun, pumped, air_gps)
        self.fuel_gps = fuel_gps
        self.fuel_ml += fuel_gps / engine.PETROL_G_PER_ML * dt_s
        self.idle_s += np.where(self.running & (self.speed_mps < _IDLING_MPS), dt_s, 0)

    def _warm(self, dt_s: float, ambient_c: Floats, harm: Harm | None) -> None:
        fuel_kw = self.fuel_gps * engine.PETROL_KJ_PER_G
        coolant_c = thermal.coolant_after(
            self.coolant_c,
            fuel_kw=fuel_kw,
            ambient_c=ambient_c,
            speed_mps=self.speed_mps,
            displacement_l=self.fleet.displacement_l,
            dt_s=dt_s,
            least_opening=0.0 if harm is None else harm.stuck_thermostat,
        )
        if harm is not None:
            coolant_c = thermal.leaking_coolant_after(
                coolant_c, severity=harm.coolant_leak, reach_s=harm.coolant_reach_s, dt_s=dt_s
            )
        # Parked cars cool when they start again: see `park`.
        self.coolant_c = np.where(self.running, coolant_c, self.coolant_c)
        oil_c = thermal.oil_after(self.oil_c, coolant_c=self.coolant_c, fuel_kw=fuel_kw, dt_s=dt_s)
        self.oil_c = np.where(self.running, oil_c, self.oil_c)


def intake_air_c(ambient_c: Floats, coolant_c: Floats) -> Floats:
    """Give the intake air's temperature: the engine bay warms it."""
    return np.asarray(ambient_c + 0.15 * np.maximum(coolant_c - ambient_c, 0))


def _altitude_m(position_m: Floats) -> Floats:
    """Give the height of gentle hills: at most 3 % steep."""
    return np.asarray(_HOME_ALTITUDE_M + 15 * np.sin(position_m[:, 0] / 900) + 9 * np.sin(position_m[:, 1] / 650))
