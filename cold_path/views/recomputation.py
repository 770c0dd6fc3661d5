"""All batch views from the lake at one version, written as Parquet into a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from cold_path.source.registry import as_rows
from cold_path.views.fuel_efficiency import fuel_efficiency
from cold_path.views.trips import trips
from cold_path.views.vehicle_days import vehicle_days

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from cold_path.source.registry import Registry


def recompute(
    spark: SparkSession, lake: DataFrame, registry: Registry, as_of_day: date, folder: Path
) -> dict[str, int]:
    """Compute and write every view; give the number of rows of each.

    A view that others are computed from is read back from its file, so that the lake is scanned once.
    """
    rows = {"trips": _write(trips(lake), folder / "trips")}
    written_trips = spark.read.parquet(str(folder / "trips"))
    rows["vehicle_days"] = _write(vehicle_days(written_trips), folder / "vehicle_days")
    written_days = spark.read.parquet(str(folder / "vehicle_days"))
    efficiency = fuel_efficiency(written_days, as_rows(spark, registry), as_of_day)
    rows["fuel_efficiency"] = _write(efficiency, folder / "fuel_efficiency")
    return rows


def _write(view: DataFrame, folder: Path) -> int:
    view.write.parquet(str(folder.absolute()))
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
