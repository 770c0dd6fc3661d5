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
    error_pct = {
        name: figure["mean_absolute_error_pct"] for name, figure in figures.items() if isinstance(figure, dict)
    }
    assert figures["judged_on"] > 700
    assert error_pct["the simulator's engine"]["all"] < 8
    assert error_pct["the simulator's engine"]["all"] < error_pct["Willans line, 2 parameters"]["all"]
    assert error_pct["Willans line, 2 parameters"]["all"] < error_pct["constant efficiency"]["all"]
