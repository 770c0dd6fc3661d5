"""What physics predicts that driving burns: road load at the wheels and a Willans line, as column expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from contracts.definitions import PETROL_G_PER_L, PETROL_KJ_PER_G

if TYPE_CHECKING:
    from pyspark.sql import Column

FUEL_PER_WHEEL_KJ: Final = 3.267
FRICTION_KW_PER_L: Final = 5.290
FRICTION_KW_PER_L_MPS: Final = 0.1854
OVERRUN_MPS: Final = 5.0
"""fuel_kW = 3.267 max(P_wheel, 0) + (5.290 - 0.1854 v) * displacement, and no fuel while the car drives its engine.

Fitted on one half of the US EPA's MY2022 test-car list, judged on the other: `benchmarks/efficiency.py`. Friction
falls with speed as higher gears turn the engine less for each metre."""

ROTATING_MASS: Final = 1.04
"""m_eff = 1.04 m: wheels and drivetrain turn while the car accelerates."""
GRAVITY_MPS2: Final = 9.81


@dataclass(frozen=True, slots=True)
class Motion:
    """How a vehicle moves for a while: m/s, change of v²/2 in m²/s² a second, metres of climb a second."""

    speed_mps: Column
    kinetic_m2ps3: Column
    climb_mps: Column


def wheel_power_kw(motion: Motion) -> Column:
    """Give the power at the wheels: P = v (A + B v + C v²) + m_eff d(v²/2)/dt + m g dh/dt (SAE J1263 road load).

    The columns `source.registry.PHYSICS` are the vehicle's.
    """
    v = motion.speed_mps
    a, b, c = F.col("road_load_a_n"), F.col("road_load_b_n_per_mps"), F.col("road_load_c_n_per_mps2")
    road_w = v * (a + v * (b + c * v))
    inertia_w = F.col("mass_kg") * ROTATING_MASS * motion.kinetic_m2ps3
    climb_w = F.col("mass_kg") * GRAVITY_MPS2 * motion.climb_mps
    return (road_w + inertia_w + climb_w) / 1000


def predicted_ml_per_s(motion: Motion) -> Column:
    """Give the petrol that this motion needs, by the Willans line; null for a vehicle of unknown physics."""
    wheel_kw = wheel_power_kw(motion)
    friction_kw = F.lit(FRICTION_KW_PER_L) - motion.speed_mps * FRICTION_KW_PER_L_MPS
    burnt_kw = _positive(wheel_kw) * FUEL_PER_WHEEL_KJ + _positive(friction_kw) * F.col("displacement_l")
    is_overrun = (wheel_kw < 0) & (motion.speed_mps > OVERRUN_MPS)
    burning_kw = F.when(is_overrun, 0.0).otherwise(burnt_kw)
    return burning_kw / (PETROL_KJ_PER_G * PETROL_G_PER_L / 1000)


def _positive(column: Column) -> Column:
    return F.when(column < 0, 0.0).otherwise(column)
