from __future__ import annotations

import csv
from importlib import resources

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import VIN, Topics

from cold_path.source.registry import PHYSICS
from contracts.record_checks import vehicle_in
from contracts.vehicle import MOST_MPS, Vehicle, with_possible_physics

ROAD_LOAD = ("road_load_a_n", "road_load_b_n_per_mps", "road_load_c_n_per_mps2")
FIGURES = (*PHYSICS, "tank_l", "placard_kpa")
HONEST = Vehicle(
    VIN, "Honda", "Accord", 2003, "north", displacement_l=2.0, mass_kg=1_500.0, road_load_a_n=120.0,
    road_load_b_n_per_mps=1.0, road_load_c_n_per_mps2=0.4, tank_l=50.0, placard_kpa=230.0,
)  # fmt: skip
physical = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1e-300, -1e-300]), st.floats(-1e6, 1e6))


def with_figures(**figures: float | None) -> Vehicle:
    return msgspec.structs.replace(HONEST, **figures)


def unknown(vehicle: Vehicle) -> set[str]:
    return {name for name in FIGURES if getattr(with_possible_physics(vehicle), name) is None}


@pytest.mark.parametrize("name", ["displacement_l", "mass_kg", "tank_l", "placard_kpa"])
@pytest.mark.parametrize("value", [0.0, -1.0, -1e6])
def test_what_is_not_above_0_is_unknown_and_the_rest_holds(name: str, value: float) -> None:
    assert unknown(with_figures(**{name: value})) == {name}


@pytest.mark.parametrize(
    "road_load", [(0, 0, 0), (-1e6, -1e6, -1e6), (-1, 1, 0.4), (100, -20, 0.4), (100, 1, -0.4), (100, -2, 0)]
)
def test_a_road_that_drives_the_car_is_no_road_load(road_load: tuple[float, float, float]) -> None:
    assert unknown(with_figures(**dict(zip(ROAD_LOAD, road_load, strict=True)))) == set(ROAD_LOAD)


@pytest.mark.parametrize("road_load", [(70, -3.5, 0.6), (120, 4, -0.01), (None, -3, 0.4), (120, None, None)])
def test_coefficients_below_0_are_possible_while_their_sum_resists(road_load: tuple[float | None, ...]) -> None:
    vehicle = with_figures(**dict(zip(ROAD_LOAD, road_load, strict=True)))
    assert with_possible_physics(vehicle) == vehicle


def test_the_epas_cars_are_possible() -> None:
    rows = list(csv.DictReader((resources.files("simulator.vehicles.data") / "vehicles.csv").open()))
    assert rows
    for row in rows:
        assert unknown(with_figures(**{name: float(row[name]) for name in FIGURES})) == set()


@given(figures=st.fixed_dictionaries(dict.fromkeys(FIGURES, physical)), speed_mps=st.floats(0, MOST_MPS))
def test_what_is_left_is_possible_at_every_speed(figures: dict[str, float | None], speed_mps: float) -> None:
    kept = with_possible_physics(with_figures(**figures))
    assert all(value is None or value > 0 for value in (kept.displacement_l, kept.mass_kg, kept.tank_l))
    a, b, c = (getattr(kept, name) for name in ROAD_LOAD)
    if None not in {a, b, c}:
        assert a + speed_mps * (b + c * speed_mps) > -1e-6  # but for rounding


def test_a_record_of_impossible_physics_keeps_its_vehicle() -> None:
    vehicle = vehicle_in(Topics().vehicle(with_figures(mass_kg=0.0, placard_kpa=0.0)))
    assert vehicle == with_figures(mass_kg=None, placard_kpa=None)
