"""The models that the fleet is made of: real cars with their road load, from the EPA's test-car list."""

from __future__ import annotations

import csv
from importlib.resources import files

import msgspec


class Model(msgspec.Struct, frozen=True):
    """One model; road load is F = A + B v + C v² in newtons with v in m/s, mass is the equivalent test weight."""

    make: str
    model: str
    year: int
    displacement_l: float
    rated_kw: float
    gears: int
    mass_kg: float
    road_load_a_n: float
    road_load_b_n_per_mps: float
    road_load_c_n_per_mps2: float
    tank_l: float
    placard_kpa: float


def models() -> list[Model]:
    """Read the catalogue that the program ships, in the order of the file."""
    text = files("simulator.vehicles.data").joinpath("vehicles.csv").read_text(encoding="utf-8")
    return [msgspec.convert(row, Model, strict=False) for row in csv.DictReader(text.splitlines())]
