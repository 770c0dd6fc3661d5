"""How well the engine model predicts fuel economy: drive cycles against what the US EPA measured in its laboratory.

python benchmarks/physics.py [--shared ../shared]

Each car of the EPA's test-car list is driven over the legal cycles by its own road load. The parameters are fitted on
one half of the models and judged on the other; a hash of make and model splits them, so no car is on both sides.
Left out are the tests at 20 °F and on E85: other procedures, other fuels.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import _own_package  # noqa: F401 - before what is named like this file
import numpy as np
from _figures import keep

from observability.terminal import Console, Table
from simulator.physics import engine
from simulator.vehicles.fleet import Floats

SHARED = Path(__file__).parents[2] / "shared"
CYCLES = {"FTP": "udds.csv", "HWY": "hwfet.csv", "US06": "us06.csv"}
"""The FTP is the UDDS with its beginning driven twice, once cold."""
FUEL = "Tier 2 Cert Gasoline"
N_PER_LBF, MPS_PER_MPH, KG_PER_LB, KW_PER_HP = 4.4482216, 0.44704, 0.45359237, 0.745699872
MPG_OF_L_PER_100KM = 235.215
ROUNDS = 50
LEAST_ERROR = 1e-3


@dataclass(frozen=True)
class Drive:
    """One car on one cycle: what the road asked second by second, and what the laboratory measured."""

    cycle: str
    is_fitted: bool
    displacement_l: float
    rated_kw: float
    wheel_kw: Floats
    speed_mps: Floats
    measured_mpg: float

    def mpg(self, fuel_kj: float) -> float:
        litres = fuel_kj / engine.PETROL_KJ_PER_G / engine.PETROL_G_PER_ML / 1000
        return MPG_OF_L_PER_100KM / (litres / float(self.speed_mps.sum()) * 1e5)

    @property
    def measured_kj(self) -> float:
        return self.mpg(1.0) / self.measured_mpg


def positive_kj(drive: Drive) -> float:
    return float(np.maximum(drive.wheel_kw, 0).sum())


def burning_mps(drive: Drive) -> Floats:
    """Give the speeds of the seconds in which the engine gets fuel."""
    return drive.speed_mps[~engine.is_overrun(drive.wheel_kw, drive.speed_mps)]


MODELS: dict[str, Callable[[Drive], list[float]]] = {
    "constant efficiency": lambda d: [positive_kj(d)],
    "Willans line, 2 parameters": lambda d: [positive_kj(d), d.displacement_l * len(d.wheel_kw)],
    "Willans line, 4 parameters, fuel cut": lambda d: [
        positive_kj(d),
        d.displacement_l * len(burning_mps(d)),
        -d.displacement_l * float(burning_mps(d).sum()),
        d.rated_kw * len(burning_mps(d)),
    ],
}
"""What each model adds up over a cycle; its parameters weigh these sums."""


def fitted(drives: list[Drive], sums: Callable[[Drive], list[float]]) -> Floats:
    """Fit for the least mean absolute relative error, by least squares weighted anew in each round."""
    measured = np.array([drive.measured_kj for drive in drives])
    relative = np.array([sums(drive) for drive in drives]) / measured[:, None]
    weight = np.ones(len(drives))
    for _ in range(ROUNDS):
        found = np.linalg.lstsq(relative * weight[:, None], weight, rcond=None)[0]
        weight = 1 / np.sqrt(np.maximum(np.abs(relative @ found - 1), LEAST_ERROR))
    return np.asarray(found)


def simulated_kj(drive: Drive) -> float:
    """Give the fuel that the simulator's own engine burns."""
    size, power = np.array(drive.displacement_l), np.array(drive.rated_kw)
    burnt = engine.fuel_gps(drive.wheel_kw, drive.speed_mps, displacement_l=size, rated_kw=power)
    return float(burnt.sum()) * engine.PETROL_KJ_PER_G


def errors_pct(drives: list[Drive], fuel_kj: list[float]) -> dict[str, float]:
    """Give the mean absolute error of mpg in percent, over all drives and over each cycle."""
    off = [abs(drive.mpg(kj) / drive.measured_mpg - 1) * 100 for drive, kj in zip(drives, fuel_kj, strict=True)]
    of = {"all": off} | {
        cycle: [one for one, drive in zip(off, drives, strict=True) if drive.cycle == cycle] for cycle in CYCLES
    }
    return {name: round(float(np.mean(some)), 2) for name, some in of.items()}


def drives(shared: Path) -> list[Drive]:
    speeds = {cycle: _speeds(shared / "data" / "cycles" / file) for cycle, file in CYCLES.items()}
    with (shared / "data" / "vehicles" / "epa_2022_road_load_tests.csv").open(encoding="utf-8", newline="") as file:
        return [_drive(test, speeds[test["cycle"]]) for test in csv.DictReader(file) if test["fuel"] == FUEL]


def _speeds(file: Path) -> Floats:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return np.array([float(row["cycMps"]) for row in csv.DictReader(text)])


def _drive(test: dict[str, str], speed_mps: Floats) -> Drive:
    a, b, c = (float(test[f"coef_{name}"]) * N_PER_LBF for name in ("a_lbf", "b_lbf_per_mph", "c_lbf_per_mph2"))
    between = (speed_mps[1:] + speed_mps[:-1]) / 2
    force_n = engine.road_load_n(between, np.array(a), np.array(b / MPS_PER_MPH), np.array(c / MPS_PER_MPH**2))
    mass_kg = np.array(float(test["equivalent_test_weight_lb"]) * KG_PER_LB)
    flat = np.zeros_like(between)
    return Drive(
        cycle=test["cycle"],
        is_fitted=hashlib.sha256(f"{test['make']}|{test['model']}".encode()).digest()[0] % 2 == 0,
        displacement_l=float(test["displacement_l"]),
        rated_kw=float(test["rated_hp"]) * KW_PER_HP,
        wheel_kw=engine.wheel_power_kw(between, force_n, mass_kg, np.diff(speed_mps), flat),
        speed_mps=between,
        measured_mpg=float(test["lab_mpg"]),
    )


def flat(model: str, errors: dict[str, float]) -> dict[str, float]:
    name = model.lower().replace(",", "").replace(" ", "_")
    return {f"{name}_{cycle.lower()}_error_pct": error for cycle, error in errors.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=SHARED)
    shared = parser.parse_args().shared
    if not shared.is_dir():
        print(f"skipped: the laboratory's figures are not in {shared}; name the folder with --shared")
        return
    all_drives = drives(shared)
    fit, judged = ([one for one in all_drives if one.is_fitted is half] for half in (True, False))
    figures: dict[str, float] = {"fitted_on_tests": len(fit), "judged_on_tests": len(judged)}
    table = Table("model", "all", *CYCLES, "parameters", title=f"error of mpg in percent, over {len(judged)} tests")
    for name, sums in MODELS.items():
        parameters = fitted(fit, sums)
        errors = errors_pct(judged, [float(np.dot(sums(drive), parameters)) for drive in judged])
        figures |= flat(name, errors)
        table.add_row(name, *map(str, errors.values()), " ".join(f"{one:.4f}" for one in parameters))
    errors = errors_pct(judged, [simulated_kj(drive) for drive in judged])
    figures |= flat("simulator engine", errors)
    table.add_row("the simulator's engine", *map(str, errors.values()), "as shipped")
    keep("physics", figures)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
