"""The written view `road_costs` as the search wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from roads.costs import CostRow, CostTable

if TYPE_CHECKING:
    from pathlib import Path


def read_costs(folder: Path, segments: int) -> CostTable:
    """Read the view's files for a network of so many segments."""
    rows = pq.read_table(folder, columns=list(CostRow._fields))
    columns = (rows[name].to_pylist() for name in CostRow._fields)
    return CostTable((CostRow(*row) for row in zip(*columns, strict=True)), segments)
