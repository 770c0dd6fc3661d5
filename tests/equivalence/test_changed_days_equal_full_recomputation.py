from __future__ import annotations

import random
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pyarrow.dataset as pads
import pytest
from disturbed import Record, disturbed_stream, fleet
from lakes import lake_of
from pyspark.sql import DataFrame, SparkSession

from cold_path.source.registry import Registry
from cold_path.views.recomputation import Basis, Earlier, Recomputation
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.views import VIEW_COLUMNS
from rules import default_rules_file

FLEET = {
    vin: msgspec.structs.replace(
        vehicle,
        displacement_l=2.0,
        mass_kg=1500.0,
        road_load_a_n=120.0,
        road_load_b_n_per_mps=2.0,
        road_load_c_n_per_mps2=0.4,
    )
    for vin, vehicle in fleet(4).items()
}


def a_basis(lake: DataFrame, records: list[Record]) -> Basis:
    latest_ms = max(record.received_at_ms for record in records)
    text = default_rules_file().read_text(encoding="utf-8")
    return Basis(lake, Registry(len(FLEET), FLEET), text, day_of(latest_ms))


def day_of(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def rows(folder: Path) -> dict[str, list[str]]:
    """Give every view's rows, sorted; as text, since rows hold nothings."""
    return {
        view: sorted(
            map(str, pads.dataset(folder / view, format="parquet").to_table(columns=list(columns)).to_pylist())
        )
        for view, columns in VIEW_COLUMNS.items()
        if (folder / view).is_dir()
    }


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_a_run_that_touches_changed_days_only_gives_the_rows_of_a_full_one(
    spark: SparkSession, tmp_path: Path, seed: int
) -> None:
    records = disturbed_stream(seed, vehicles=4, trips=30, seconds=60)
    rng = random.Random(seed)
    ends = {record.partition: record.offset + 1 for record in records}
    covered = {partition: rng.randint(int(end * 0.6), end) for partition, end in ends.items()}
    first = [record for record in records if record.offset < covered[record.partition]]
    later = [record for record in records if record.offset >= covered[record.partition]]

    Recomputation(spark, a_basis(lake_of(spark, first), first), tmp_path / "first").run()
    whole = a_basis(lake_of(spark, records), records)
    earlier = Earlier(tmp_path / "first", covered, frozenset(days_of(later)))
    counts = Recomputation(spark, whole, tmp_path / "changed", earlier=earlier).run()
    assert counts == Recomputation(spark, whole, tmp_path / "full").run()
    assert rows(tmp_path / "changed") == rows(tmp_path / "full")
    assert counts["trips"] > 100
    assert len(list((tmp_path / "changed" / "trips").glob("day=*"))) > len(earlier.days)


def days_of(records: list[Record]) -> set[date]:
    days = set()
    for record in records:
        try:
            reading, _ = believe(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
        except MalformedReading:
            continue
        days.add(day_of(reading.trip_started_at_ms))
    return days
