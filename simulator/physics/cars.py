"""The state of many cars and how it moves on by a second: road, engine, heat, electricity, counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulator.physics import driving, electricity, engine, thermal, tyres
from simulator.physics.course import Course
from simulator.trips.itinerary import Itinerary
from simulator.vehicles.fleet import Fleet, Floats, Integers

LONGEST_STEP_S: Final = 1.0
_IDLING_MPS: Final = 0.14


@dataclass(frozen=True, slots=True)
class Harm:
    """What faults do to the physics, 0 to 1 a car; the other faults only change what the sensors see."""

    coolant_leak: Floats
    coolant_reach_s: Floats
    stuck_thermostat: Floats
    """By how much the thermostat stands open whatever the temperature."""


class Cars:
    """State of cars on the road, one array element each; `running` says whose engine is on. Mutable, not shared."""

    def __init__(
        self, fleet: Fleet, course: Course, itinerary: Itinerary, *, coolant_c: Floats, fuel_level_pct: Floats
    ) -> None:
        """Park the cars where their course has them, with odometers at zero."""
        cars = len(fleet)
        self.fleet = fleet
        self.course = course
        self._itinerary = itinerary
        self.running = np.zeros(cars, dtype=bool)
        self.is_over = np.zeros(cars, dtype=bool)
        """Whether a trip has come to the last of its places."""
        self.elapsed_s = np.zeros(cars)
        self._started_at_s = np.zeros(cars)
        self.speed_mps = np.zeros(cars)
        self.acceleration_mps2 = np.zeros(cars)
        self.distance_m = np.zeros(cars)
        self.fuel_ml = np.zeros(cars)
        self.idle_s = np.zeros(cars)
        self.trip_odometer_m = np.zeros(cars)
        """Where the odometer stood when the trip began; `fuel_at_start_l` likewise."""
        self.fuel_at_start_l = fuel_level_pct / 100 * fleet.tank_l
        self.coolant_c = coolant_c.copy()
        self.oil_c = coolant_c - 2
        self.tyre_c = np.full(cars, tyres.FILLED_AT_C)
        self.charge = 0.8 + 0.2 * fleet.home
        self.rpm = np.zeros(cars)
        self.fuel_gps = np.zeros(cars)
        self.air_gps = np.zeros(cars)
        self.manifold_kpa = np.full(cars, engine.OPEN_MANIFOLD_KPA)
        self.begun_legs: list[tuple[Integers, Integers]] = []
        """Cars and the legs that they began since somebody last took them."""

    def start(self, rows: Integers, *, started_at_ms: Integers, trip_s: Floats) -> None:
        """Turn the ignition on for a trip of about `trip_s`: counters begin at zero, and the engine idles."""
        self.running[rows] = True
        self.is_over[rows] = False
        self._started_at_s[rows] = started_at_ms / 1000 % 86_400
        for counter in (self.elapsed_s, self.distance_m, self.fuel_ml, self.idle_s, self.speed_mps):
            counter[rows] = 0
        self.acceleration_mps2[rows] = 0
        self.rpm[rows] = self.fleet.idle_rpm[rows]
        self.course.set_pace(rows, self._itinerary.begin(rows, started_at_ms, trip_s))
        leg, _, _ = self._itinerary.next_leg(rows, self.course.place[rows])
        self._begin_leg(rows, leg, self.fleet.idling_s[rows])

    def _begin_leg(self, rows: Integers, leg: Integers, dwell_s: Floats) -> None:
        self.course.begin(rows, leg, dwell_s)
        self.begun_legs.append((rows, leg))

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
        self.tyre_c[rows] = thermal.cooled(self.tyre_c[rows], ambient_c, parked_s)
        self.charge[rows] = electricity.charge_after_parking(self.charge[rows], parked_s)

    def advance(self, dt_s: float, *, ambient_c: Floats, harm: Harm | None = None) -> None:
        """Move every running car on by `dt_s`, in steps of at most a second."""
        steps = int(np.ceil(dt_s / LONGEST_STEP_S - 1e-9))
        for _ in range(steps):
            self._step(dt_s / steps, ambient_c, harm)

    def _step(self, dt_s: float, ambient_c: Floats, harm: Harm | None) -> None:
        self.elapsed_s += np.where(self.running, dt_s, 0)
        climb_mps, road_n = self._move(dt_s)
        self._burn(dt_s, ambient_c, climb_mps, road_n)
        self._warm(dt_s, ambient_c, harm)
        self.charge = electricity.charge_after(self.charge, self.running, dt_s)
        arrived = np.flatnonzero(self.course.arrived(self.speed_mps) & self.running & ~self.is_over)
        if len(arrived):
            self._arrive(arrived)

    def _arrive(self, rows: Integers) -> None:
        """Go on to another place where the itinerary has one; else the trip is over."""
        self.course.arrive(rows)
        leg, wait_s, goes_on = self._itinerary.next_leg(rows, self.course.place[rows])
        self.is_over[rows[~goes_on]] = True
        self._begin_leg(rows[goes_on], leg[goes_on], wait_s[goes_on])

    def _move(self, dt_s: float) -> tuple[Floats, Floats]:
        fleet, before, course = self.fleet, self.speed_mps, self.course
        road_n = engine.road_load_n(before, fleet.road_load_a, fleet.road_load_b, fleet.road_load_c)
        aim = course.aim_mps(fleet, before, self._started_at_s + self.elapsed_s, dt_s)
        aim = np.where(self.running, aim, 0)
        grade = course.grade()
        wanted = driving.acceleration(fleet, before, aim, road_n, grade, dt_s)
        after = driving.speed_after(before, wanted, aim, dt_s)
        self.acceleration_mps2 = (after - before) / dt_s
        self.speed_mps = after
        self.distance_m += course.move((before + after) / 2 * dt_s, dt_s)
        return engine.climb_mps((before + after) / 2, grade), road_n

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
        tyre_c = tyres.tyre_c_after(self.tyre_c, ambient_c=ambient_c, speed_mps=self.speed_mps, dt_s=dt_s)
        self.tyre_c = np.where(self.running, tyre_c, self.tyre_c)


def intake_air_c(ambient_c: Floats, coolant_c: Floats) -> Floats:
    """Give the intake air's temperature: the engine bay warms it."""
    return np.asarray(ambient_c + 0.15 * np.maximum(coolant_c - ambient_c, 0))
