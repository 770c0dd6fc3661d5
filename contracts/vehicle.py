"""A vehicle as the registry knows it: what does not change from reading to reading."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from contracts.bounds import Count, Name

VIN_LENGTH = 17
VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
"""A vehicle identification number (ISO 3779): no I, O, Q. Use with `fullmatch`."""
Physical = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
"""Of a vehicle in any unit; sums and squares of it stay finite."""
MOST_MPS: Final = 100.0
"""No car drives faster; a road load is judged up to here."""
_ABOVE_0: Final = ("displacement_l", "mass_kg", "tank_l", "placard_kpa")
_ROAD_LOAD: Final = ("road_load_a_n", "road_load_b_n_per_mps", "road_load_c_n_per_mps2")


class Vehicle(msgspec.Struct, frozen=True, omit_defaults=True):
    """One vehicle; the value of topic `vehicles`, keyed by VIN.

    Road load is F = A + B v + C v² in newtons, v in m/s (the coast-down coefficients of the EPA's test-car list).
    Records written before are read whatever their physics: `with_possible_physics` sets aside what cannot be.
    """

    vehicle_id: Name
    make: Name
    model: Name
    year: Count
    fleet: Name
    displacement_l: Physical | None = None
    mass_kg: Physical | None = None
    road_load_a_n: Physical | None = None
    road_load_b_n_per_mps: Physical | None = None
    road_load_c_n_per_mps2: Physical | None = None
    tank_l: Physical | None = None
    placard_kpa: Physical | None = None


class Erasure(msgspec.Struct, frozen=True):
    """Nothing that stands before this record may be known of the vehicle; the value of topic `vehicle-erasures`."""

    vehicle_id: Name
    by: Name
    at_ms: Count


def with_possible_physics(vehicle: Vehicle) -> Vehicle:
    """Return the vehicle without physics that no car has: what is impossible of it is unknown, the rest holds.

    Mass, displacement, tank and placard pressure are above 0. A road load resists at every speed: A > 0, and F > 0 for
    all v. B and C may be below 0 by themselves: coast-downs of real cars give B down to about -4 N/(m/s).
    """
    impossible = [name for name in _ABOVE_0 if (value := getattr(vehicle, name)) is not None and value <= 0]
    if not _resists(vehicle):
        impossible += _ROAD_LOAD
    return msgspec.structs.replace(vehicle, **dict.fromkeys(impossible)) if impossible else vehicle


def _resists(vehicle: Vehicle) -> bool:
    """Tell whether F > 0 for all v up to MOST_MPS; what is not known of it is taken for possible."""
    a, b, c = (getattr(vehicle, name) for name in _ROAD_LOAD)
    if a is not None and a <= 0:
        return False
    if a is None or b is None or c is None:
        return True
    lowest_mps = min(MOST_MPS, -b / (2 * c)) if c > 0 > b else MOST_MPS
    return bool(a + lowest_mps * (b + c * lowest_mps) > 0)


def model_name(vehicle: Vehicle) -> str:
    """Give the name that rankings by model use."""
    return f"{vehicle.make} {vehicle.model} {vehicle.year}"
