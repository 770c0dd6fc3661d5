from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from simulator.vehicles.catalogue import models

ROOT = Path(__file__).parents[3]


def test_the_shipped_catalogue_is_what_the_script_derives(shared: Path, tmp_path: Path) -> None:
    derived = tmp_path / "vehicles.csv"
    source = shared / "data/vehicles/epa_2022_road_load_tests.csv"
    subprocess.run([sys.executable, ROOT / "scripts/vehicle_catalogue.py", source, derived], check=True)
    assert derived.read_bytes() == (ROOT / "simulator/vehicles/data/vehicles.csv").read_bytes()


def test_every_model_is_a_car_in_si_units() -> None:
    catalogue = models()
    assert len({(model.make, model.model) for model in catalogue}) == len(catalogue) >= 20
    for model in catalogue:
        assert 900 < model.mass_kg < 3000
        assert 0.9 < model.displacement_l < 7
        at_30_mps = model.road_load_a_n + 30 * model.road_load_b_n_per_mps + 900 * model.road_load_c_n_per_mps2
        assert 300 < at_30_mps < 1500
        assert 200 <= model.placard_kpa <= 300
