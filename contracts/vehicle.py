"""A vehicle as the registry knows it: what does not change from reading to reading."""

from __future__ import annotations

import re

import msgspec

from contracts.reading import Count

VIN_LENGTH = 17
VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
"""A vehicle identification number (ISO 3779): no I, O, Q. Use with `fullmatch`."""


class Vehicle(msgspec.Struct, frozen=True, omit_defaults=True):
    """One vehicle; the value of topic `vehicles`, keyed by VIN.

    Road load is F = A + B v + C v² in newtons, v in m/s (the coast-down coefficients of the EPA's test-car list).
    """

    vehicle_id: str
    make: str
    model: str
    year: Count
    fleet: str
    displacement_l: float | None = None
    mass_kg: float | None = None
    road_load_a_n: float | None = None
    road_load_b_n_per_mps: float | None = None
    road_load_c_n_per_mps2: float | None = None
    tank_l: float | None = None
    placard_kpa: float | None = None


class Erasure(msgspec.Struct, frozen=True):
    """Nothing that stands before this record may be known of the vehicle; the value of topic `vehicle-erasures`."""

    vehicle_id: str
    by: str
    at_ms: int


def model_name(vehicle: Vehicle) -> str:
    """Give the name that rankings by model use."""
    return f"{vehicle.make} {vehicle.model} {vehicle.year}"
