"""The simulator's engine against fuel economy that the US EPA measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "physics.py"


def test_the_engine_predicts_the_mpg_of_cars_it_was_not_fitted_on_within_8_percent(
    shared: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, BENCHMARK, "--shared", shared], cwd=tmp_path, check=True, capture_output=True)
    figures = json.loads((tmp_path / "build/benchmarks/physics.json").read_text())
    assert figures["judged_on_tests"] > 700
    assert figures["simulator_engine_all_error_pct"] < 8
    assert figures["simulator_engine_all_error_pct"] < figures["willans_line_2_parameters_all_error_pct"]
    assert figures["willans_line_2_parameters_all_error_pct"] < figures["constant_efficiency_all_error_pct"]
