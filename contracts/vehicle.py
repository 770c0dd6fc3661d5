"""A vehicle as the registry knows it: what does not change from reading to reading."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.bounds import Count, Name

VIN_LENGTH = 17
VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
"""A vehicle identification number (ISO 3779): no I, O, Q. Use with `fullmatch`."""
Physical = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
"""Of a vehicle in any unit; sums and squares of it stay finite."""


class Vehicle(msgspec.Struct, frozen=True, omit_defaults=True):
    """One vehicle; the value of topic `vehicles`, keyed by VIN.

    Road load is F = A + B v + C v² in newtons, v in m/s (the coast-down coefficients of the EPA's test-car list).
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


def model_name(vehicle: Vehicle) -> str:
    """Give the name that rankings by model use."""
    return f"{vehicle.make} {vehicle.model} {vehicle.year}"
