"""Derive the simulator's vehicle catalogue from the US EPA's test-car list.

    python scripts/vehicle_catalogue.py LIST.csv [OUT.csv]

Road load, test weight, power and displacement are the EPA's, converted to SI. Tank and placard pressure are not in
the list; they are assumed from the test weight, as stated in TANK_L and PLACARD_KPA.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

NEWTON_PER_LBF = 4.4482216
MPS_PER_MPH = 0.44704
KG_PER_LB = 0.45359237
KW_PER_HP = 0.745699872
SHIPPED = Path(__file__).parent.parent / "simulator" / "vehicles" / "data" / "vehicles.csv"
CHOSEN = [
    ("Chevrolet", "SPARK ACTIV"),
    ("Chevrolet", "TRAX FWD"),
    ("Chevrolet", "SILVERADO 2WD"),
    ("Mitsubishi", "MIRAGE"),
    ("Kia", "Rio"),
    ("Kia", "Forte"),
    ("Kia", "Sportage"),
    ("Kia", "Telluride"),
    ("Hyundai", "Venue"),
    ("Hyundai", "Elantra"),
    ("Hyundai", "Tucson"),
    ("Hyundai", "Santa Fe"),
    ("Toyota", "COROLLA"),
    ("Toyota", "COROLLA CROSS"),
    ("Toyota", "CAMRY"),
    ("Toyota", "4RUNNER 4WD"),
    ("Honda", "CIVIC 4DR"),
    ("Honda", "ACCORD"),
    ("Honda", "CR-V 1.5L TC"),
    ("Honda", "ODYSSEY FWD"),
    ("Mazda", "MAZDA3"),
    ("Mazda", "CX-5"),
    ("Mazda", "MX-5"),
    ("Nissan", "ALTIMA S"),
    ("Nissan", "MURANO FWD S"),
    ("Volkswagen", "Jetta"),
    ("Volkswagen", "Golf GTI"),
    ("Volkswagen", "Atlas"),
    ("Volvo", "XC60 B5 AWD"),
    ("BMW", "540i"),
    ("Ford", "Escape FWD"),
    ("Ford", "Explorer"),
    ("Ford", "F-150"),
    ("Subaru", "IMPREZA 4-Door"),
    ("Jeep", "Compass 4X4"),
]
NAMES = {
    "4RUNNER 4WD": "4Runner 4WD",
    "CIVIC 4DR": "Civic",
    "COROLLA CROSS": "Corolla Cross",
    "CR-V 1.5L TC": "CR-V",
    "IMPREZA 4-Door": "Impreza",
    "MAZDA3": "Mazda3",
    "SPARK ACTIV": "Spark",
    "TRAX FWD": "Trax FWD",
    "SILVERADO 2WD": "Silverado 2WD",
    "ALTIMA S": "Altima",
    "MURANO FWD S": "Murano FWD",
    "ODYSSEY FWD": "Odyssey",
} | {name: name.title() for name in ("ACCORD", "CAMRY", "COROLLA", "MIRAGE")}
TANK_L = ((1300, 40), (1600, 50), (1900, 60), (2300, 75), (9999, 95))
PLACARD_KPA = ((1600, 220), (1900, 230), (2300, 240), (9999, 250))
COLUMNS = (
    "make,model,year,displacement_l,rated_kw,gears,mass_kg,"
    "road_load_a_n,road_load_b_n_per_mps,road_load_c_n_per_mps2,tank_l,placard_kpa"
)


def by_weight(table: tuple[tuple[int, int], ...], mass_kg: float) -> int:
    return next(value for limit, value in table if mass_kg <= limit)


def row(test: dict[str, str], make: str) -> list[object]:
    mass = float(test["equivalent_test_weight_lb"]) * KG_PER_LB
    a, b, c = (float(test[f"coef_{name}"]) * NEWTON_PER_LBF for name in ("a_lbf", "b_lbf_per_mph", "c_lbf_per_mph2"))
    return [
        make,
        NAMES.get(test["model"], test["model"]),
        2022,
        float(test["displacement_l"]),
        round(float(test["rated_hp"]) * KW_PER_HP),
        int(test["gears"]),
        round(mass),
        round(a, 2),
        round(b / MPS_PER_MPH, 4),
        round(c / MPS_PER_MPH**2, 5),
        by_weight(TANK_L, mass),
        by_weight(PLACARD_KPA, mass),
    ]


def main() -> None:
    with Path(sys.argv[1]).open(encoding="utf-8", newline="") as file:
        tests = {(test["make"].lower(), test["model"]): test for test in reversed(list(csv.DictReader(file)))}
    target = Path(sys.argv[2]) if sys.argv[2:] else SHIPPED
    with target.open("w", encoding="utf-8", newline="") as file:
        file.write(COLUMNS + "\n")
        csv.writer(file, lineterminator="\n").writerows(row(tests[make.lower(), model], make) for make, model in CHOSEN)
    print(f"{len(CHOSEN)} vehicles written to {target}")


if __name__ == "__main__":
    main()
