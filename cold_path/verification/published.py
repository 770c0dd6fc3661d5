"""The trips of a published version, read from its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.dataset as pads

from cold_path.verification.totals import Totals, Trips
from contracts.views import version_folder

if TYPE_CHECKING:
    from pathlib import Path


def published_trips(views: Path, version: int) -> Trips | None:
    """Give the version's trips, None when it was collected since."""
    folder = version_folder(views, version) / "trips"
    if not folder.is_dir():
        return None
    if not any(folder.glob("**/*.parquet")):  # the lake had no good record
        return {}
    columns = ["vehicle_id", "trip_started_at_ms", "distance_m", "fuel_ml", "idle_s"]
    rows = pads.dataset(folder, format="parquet").to_table(columns=columns)
    vehicle_ids, started, *counters = (rows.column(name).to_pylist() for name in columns)
    totals = map(Totals, *counters)
    return dict(zip(zip(vehicle_ids, started, strict=True), totals, strict=True))
