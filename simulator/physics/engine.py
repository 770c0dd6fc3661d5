"""What the road asks of the engine and what the engine burns for it: pure functions over arrays of cars."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.vehicles.fleet import Floats

EFFICIENCY: Final = 0.331
FRICTION_KW_PER_L: Final = 3.71
FRICTION_KW_PER_L_MPS: Final = 0.145
LOSS_PER_RATED_KW: Final = 0.0253
"""Willans line with four parameters, fitted on one half of the EPA's test-car list and judged on the other by
`benchmarks/physics.py`: fuel_kW = max(P_wheel, 0) / efficiency + (a - b v) * displacement + c * rated power. Friction
falls with speed as higher gears turn the engine less for each metre; a strong engine is throttled more."""
OVERRUN_MPS: Final = 5.0
"""Above this speed a car that drives its engine gets no fuel."""
PETROL_KJ_PER_G: Final = 43.0
PETROL_G_PER_ML: Final = 0.745
STOICHIOMETRIC: Final = 14.7
"""Grams of air a gram of pure petrol."""
VOLUMETRIC_EFFICIENCY: Final = 0.85
AIR_G_PER_MOL: Final = 28.97
GAS_CONSTANT: Final = 8.314
KELVIN: Final = 273.15
ROTATING_MASS: Final = 1.04
"""m_eff = 1.04 m: wheels and drivetrain turn while the car accelerates."""
GRAVITY: Final = 9.81
OPEN_MANIFOLD_KPA: Final = 80.0
"""The highest manifold pressure before the gearbox shifts down; the city lies at 1,600 m, where the air has 83 kPa."""
CLOSED_MANIFOLD_KPA: Final = 16.0
"""The lowest manifold pressure that an engine which burns runs at."""
OVERRUN_MANIFOLD_KPA: Final = 22.0
HIGHEST_RPM: Final = 6200.0
_FIRST_GEAR_MPS_PER_RPM: Final = 8 / 3.6 / 1000
_TOP_GEAR_MPS_PER_RPM: Final = 52 / 3.6 / 1000


def road_load_n(speed_mps: Floats, a: Floats, b: Floats, c: Floats) -> Floats:
    """Give the force that air and tyres put against the car: F = A + B v + C v² (SAE J1263 coast-down)."""
    return a + speed_mps * (b + c * speed_mps)


def wheel_power_kw(
    speed_mps: Floats, force_n: Floats, mass_kg: Floats, acceleration_mps2: Floats, climb_mps: Floats
) -> Floats:
    """Give the power at the wheels: P = F v + m_eff a v + m g dh/dt; negative when the car drives the engine."""
    inertia = ROTATING_MASS * mass_kg * acceleration_mps2 * speed_mps
    return np.asarray((force_n * speed_mps + inertia + mass_kg * GRAVITY * climb_mps) / 1000)


def climb_mps(speed_mps: Floats, grade: Floats) -> Floats:
    """Give the metres a second that the road lifts the car: v sin(slope), of a grade that is rise over run."""
    return np.asarray(speed_mps * grade / np.sqrt(1 + grade**2))


def is_overrun(wheel_kw: Floats, speed_mps: Floats) -> NDArray[np.bool_]:
    """Tell where the car drives the engine fast enough that the fuel is cut."""
    return np.asarray((wheel_kw < 0) & (speed_mps > OVERRUN_MPS))


def fuel_gps(wheel_kw: Floats, speed_mps: Floats, *, displacement_l: Floats, rated_kw: Floats) -> Floats:
    """Give grams of petrol a second by the Willans line; none on overrun."""
    friction_kw = (FRICTION_KW_PER_L - FRICTION_KW_PER_L_MPS * speed_mps) * displacement_l
    lost_kw = np.maximum(friction_kw + LOSS_PER_RATED_KW * rated_kw, 0)
    burnt_kw = np.maximum(wheel_kw, 0) / EFFICIENCY + lost_kw
    return np.where(is_overrun(wheel_kw, speed_mps), 0, burnt_kw / PETROL_KJ_PER_G)


def geared_rpm(speed_mps: Floats, gears: Floats, shift_rpm: Floats, idle_rpm: Floats) -> Floats:
    """Give the engine speed in the highest gear that a driver who shifts up at `shift_rpm` would be in."""
    step = (_TOP_GEAR_MPS_PER_RPM / _FIRST_GEAR_MPS_PER_RPM) ** (1 / (gears - 1))
    in_first = speed_mps / _FIRST_GEAR_MPS_PER_RPM
    gear = np.ceil(np.log(np.maximum(in_first / shift_rpm, 1)) / np.log(step))
    return np.asarray(np.maximum(in_first / step ** np.minimum(gear, gears - 1), idle_rpm))


def air_flow_gps(rpm: Floats, manifold_kpa: Floats, intake_air_c: Floats, displacement_l: Floats) -> Floats:
    """Give grams of air a second by speed-density: half the displacement a revolution of a four-stroke engine."""
    moles = rpm / 120 * manifold_kpa * displacement_l * VOLUMETRIC_EFFICIENCY / (GAS_CONSTANT * (intake_air_c + KELVIN))
    return np.asarray(moles * AIR_G_PER_MOL)


def rpm_for(air_gps: Floats, manifold_kpa: float, intake_air_c: Floats, displacement_l: Floats) -> Floats:
    """Solve speed-density for the engine speed that draws this air at this manifold pressure."""
    pressure = np.full_like(air_gps, manifold_kpa)
    return air_gps / air_flow_gps(np.ones_like(air_gps), pressure, intake_air_c, displacement_l)


def manifold_kpa_for(air_gps: Floats, rpm: Floats, intake_air_c: Floats, displacement_l: Floats) -> Floats:
    """Solve speed-density for the manifold pressure."""
    return air_gps / air_flow_gps(np.maximum(rpm, 1), np.ones_like(air_gps), intake_air_c, displacement_l)


def oil_pressure_kpa(rpm: Floats, oil_c: Floats) -> Floats:
    """Give oil pressure: it rises with speed and with cold, thick oil; a relief valve opens at 480 kPa."""
    thickness = 1 + 0.006 * np.maximum(100 - oil_c, 0)
    return np.where(rpm > 0, np.minimum((110 + 0.11 * rpm) * thickness, 480), 0.0)
