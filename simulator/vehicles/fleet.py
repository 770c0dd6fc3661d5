"""The fleet: who its cars and drivers are, as a pure function of a seed; one array element a car."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.partitioning import partition_of_key
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import Vehicle
from simulator.vehicles.catalogue import Model, models
from simulator.vehicles.vin import simulated_vin

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FLEETS: Final = ("couriers", "taxis", "service", "sales")


class Style(NamedTuple):
    """How somebody drives."""

    acceleration_mps2: float
    braking_mps2: float
    haste: float
    """The factor on what the road allows."""
    shift_rpm: float
    idling_s: float
    """How long the engine idles before the car sets off."""


STYLES: Final = (
    Style(1.0, 1.4, 0.94, 1900.0, 3.0),
    Style(1.6, 2.0, 1.0, 2200.0, 10.0),
    Style(2.5, 3.0, 1.12, 2900.0, 30.0),
)
"""Calm, normal, hasty. The range is that of Table 2 in Berry, "The Effects of Driving Style and Vehicle Performance on
the Real-World Fuel Consumption of U.S. Light-Duty Vehicles" (MIT, 2010), rounded."""
_STYLE_SHARES: Final = (0.3, 0.5)
_DRAWS_PER_CAR: Final = 12
_STEPS_OF_A_VARIABLE_GEARBOX: Final = 20.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """What stays the same while a car drives. `vehicle` is its number; every array has one element a car."""

    vehicle: Integers
    vehicle_id: NDArray[np.bytes_]
    partition: Integers
    model: Integers
    company: Integers
    mass_kg: Floats
    road_load_a: Floats
    road_load_b: Floats
    road_load_c: Floats
    displacement_l: Floats
    rated_kw: Floats
    gears: Floats
    tank_l: Floats
    placard_kpa: Floats
    style: Integers
    """An index into STYLES; what follows from it is beside it."""
    acceleration: Floats
    braking: Floats
    shift_rpm: Floats
    idling_s: Floats
    idle_rpm: Floats
    ambient_offset_c: Floats
    charging_v: Floats
    long_trim_pct: Floats
    tyres: Floats
    """Each tyre's share of the placard pressure, four a car."""
    home: Floats
    """Where in the list of places the car is at home, 0 to 1."""
    age: Floats
    """How far the car has been driven, 0 to 1 of the oldest."""
    phase_ms: Integers
    """When within its reading interval of 1,000 ms the car reports; scaled to other intervals."""

    def __len__(self) -> int:
        """Count the cars."""
        return len(self.vehicle)

    def take(self, rows: Integers) -> Fleet:
        """Give the cars at these rows, repeated where a row is."""
        return Fleet(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def fleet(vehicles: int, seed: int) -> Fleet:
    """Make a fleet. A smaller fleet of the same seed is the beginning of a larger one."""
    catalogue = models()
    u = np.random.default_rng([seed, 1]).random((vehicles, _DRAWS_PER_CAR))
    model = (u[:, 0] * len(catalogue)).astype(np.int64)
    style = np.searchsorted(np.cumsum(_STYLE_SHARES), u[:, 1])
    styles = np.array(STYLES)[style]
    vins = [simulated_vin(seed=seed, model=int(kind), vehicle=number) for number, kind in enumerate(model)]
    return Fleet(
        vehicle=np.arange(vehicles),
        vehicle_id=np.array(vins, dtype="S17"),
        partition=np.array([partition_of_key(vin.encode(), READING_PARTITIONS) for vin in vins], dtype=np.int64),
        model=model,
        company=(u[:, 2] * len(FLEETS)).astype(np.int64),
        **_model_arrays(catalogue, model),
        style=style,
        acceleration=styles[:, 0],
        braking=styles[:, 1],
        shift_rpm=styles[:, 3],
        idling_s=styles[:, 4],
        idle_rpm=650 + 150 * u[:, 3],
        ambient_offset_c=-2 + 4 * u[:, 4],
        charging_v=13.8 + 0.5 * u[:, 5],
        long_trim_pct=-4 + 8 * u[:, 6],
        tyres=0.96 + 0.08 * ((u[:, 7, None] + np.array([0.0, 0.21, 0.43, 0.77])) % 1),
        home=u[:, 8],
        age=u[:, 9],
        phase_ms=(u[:, 10] * 1000).astype(np.int64),
    )


def _model_arrays(catalogue: list[Model], model: Integers) -> dict[str, Floats]:
    columns = {
        "mass_kg": "mass_kg",
        "road_load_a": "road_load_a_n",
        "road_load_b": "road_load_b_n_per_mps",
        "road_load_c": "road_load_c_n_per_mps2",
        "displacement_l": "displacement_l",
        "rated_kw": "rated_kw",
        "gears": "gears",
        "tank_l": "tank_l",
        "placard_kpa": "placard_kpa",
    }
    arrays = {
        name: np.array([float(getattr(kind, column)) for kind in catalogue])[model] for name, column in columns.items()
    }
    # The EPA's list gives one gear to a continuously variable gearbox.
    return arrays | {"gears": np.where(arrays["gears"] == 1, _STEPS_OF_A_VARIABLE_GEARBOX, arrays["gears"])}


def registry(cars: Fleet) -> list[Vehicle]:
    """Give the records of topic `vehicles`, in the fleet's order."""
    catalogue = models()
    return [
        _record(vin.decode(), catalogue[kind], FLEETS[company])
        for vin, kind, company in zip(cars.vehicle_id.tolist(), cars.model.tolist(), cars.company.tolist(), strict=True)
    ]


def _record(vehicle_id: str, model: Model, company: str) -> Vehicle:
    return Vehicle(
        vehicle_id=vehicle_id,
        make=model.make,
        model=model.model,
        year=model.year,
        fleet=company,
        displacement_l=model.displacement_l,
        mass_kg=model.mass_kg,
        road_load_a_n=model.road_load_a_n,
        road_load_b_n_per_mps=model.road_load_b_n_per_mps,
        road_load_c_n_per_mps2=model.road_load_c_n_per_mps2,
        tank_l=model.tank_l,
        placard_kpa=model.placard_kpa,
    )
