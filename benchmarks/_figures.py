"""What a benchmark has measured: kept as build/benchmarks/NAME.json, and told as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from observability.terminal import Console, Table

_FOLDER = Path("build/benchmarks")
Figures = dict[str, float]


def kept(name: str) -> Figures:
    """Give what was kept before, nothing if nothing was."""
    file = _FOLDER / f"{name}.json"
    found: Figures = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def keep(name: str, figures: Mapping[str, object]) -> None:
    """Keep figures, and only these."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    (_FOLDER / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def tell(title: str, figures: Mapping[str, float]) -> None:
    """Print figures as a table, with no more than three decimals."""
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{round(value, 3):,}")
    Console().print(table)
