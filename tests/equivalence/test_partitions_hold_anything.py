"""Partitions that are empty, or hold only rejected records, are ordinary: in every view and in every kind of run."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
from disturbed import Record
from lakes import append
from partitions import Holds, ends_of, records_of
from pyspark.sql import SparkSession

from cold_path.backtest.backtest import between
from cold_path.lake.rows import rows_of
from cold_path.lake.table import Lake
from cold_path.operation.progress import Progress
from cold_path.operation.stages import Stages
from cold_path.operation.summary import Pins, Summary
from cold_path.operation.version import NextVersion
from cold_path.source.registry import Registry
from cold_path.verification.alerts import Pair, in_history
from cold_path.verification.published import published_trips
from cold_path.verification.totals import Recomputation, Trips
from cold_path.versions.difference import view_differences
from cold_path.views.alert_history import alert_history, history_fold
from cold_path.views.history_fold import Ruling
from contracts.topics import READING_PARTITIONS
from contracts.views import read_manifest, version_folder
from observability.terminal import Console
from roads import default_network
from rules import default_rules_file, load_rules
from rules.rule import FOLD_VERSION

TEXT = default_rules_file().read_text(encoding="utf-8")
PINS = Pins(TEXT, load_rules(default_rules_file()).hash, "0")
QUIET = Stages(Progress(None, Console()), now_s=lambda: 0.0, is_stopping=lambda: False)


def every_kind(seed: int) -> list[Holds]:
    """Draw what each partition holds, each kind of content at least once."""
    rng = random.Random(seed)
    held = [*Holds, *rng.choices(list(Holds), k=READING_PARTITIONS - len(Holds))]
    rng.shuffle(held)
    return held


@dataclass
class Home:
    """A lake and its versions, as one program after the other keeps them."""

    spark: SparkSession
    folder: Path
    entry: Any = None
    records: list[Record] = field(default_factory=list)

    @property
    def lake(self) -> Lake:
        lake = Lake(self.folder / "lake")
        lake.refresh()
        return lake

    @property
    def views(self) -> Path:
        return self.folder / "views"

    def ingest(self, records: list[Record]) -> None:
        self.records += records
        self.entry = append(self.folder / "lake", records, self.entry, ends=ends_of(self.records))

    def publish(self, *, is_full: bool = False, pins: Pins = PINS) -> Summary:
        summary = Summary()
        NextVersion(self.lake, self.views, pins, is_full=is_full).make(self.spark, Registry(), QUIET, summary)
        return summary

    def recomputed(self) -> Trips:
        fold = Recomputation()
        for record in self.records:
            fold.add(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
        return fold.trips

    def alerts(self, version: int) -> set[tuple[str, int]]:
        history = in_history(self.views, version, Pair(PINS.rules_hash, FOLD_VERSION))
        assert history is not None
        return set(history)

    def alerted(self, version: int) -> set[str]:
        table = pads.dataset(version_folder(self.views, version) / "alert_history").to_table(columns=["vehicle_id"])
        return set(table.column("vehicle_id").to_pylist())

    def backtested(self) -> set[tuple[str, int]]:
        """Fold all of the lake at once, as a backtest does."""
        state = self.lake.state
        assert state is not None
        rows = rows_of(self.spark, self.folder / "lake", state.version)
        history = alert_history(history_fold(rows, Ruling(TEXT), between(None, None)))
        return {(row.alert_id, row.change) for row in history.collect()}


def test_a_continued_run_agrees_with_a_full_one_whatever_partitions_hold(spark: SparkSession, tmp_path: Path) -> None:
    home = Home(spark, tmp_path)
    for records in records_of(every_kind(1)):
        home.ingest(records)
        home.publish()
    assert home.publish(is_full=True).days_computed is None
    assert unequal(home, 2, 3) == []
    assert read_manifest(home.views, 2).row_counts == read_manifest(home.views, 3).row_counts
    assert published_trips(home.views, 2) == home.recomputed()
    assert home.alerts(2) == home.backtested()
    assert {vehicle_id for vehicle_id, _ in home.recomputed()} <= home.alerted(2)


def test_a_lake_grows_from_nothing_by_rejected_records_to_its_first_good_one(
    spark: SparkSession, tmp_path: Path
) -> None:
    home = Home(spark, tmp_path)
    rejected, good = records_of([Holds.NOTHING, Holds.REJECTED_THEN_GOOD] * (READING_PARTITIONS // 2))
    home.ingest([])
    assert not NextVersion(home.lake, home.views, PINS, is_full=False).is_due(Registry())
    for version, records in enumerate((rejected, good), start=1):
        home.ingest(records)
        home.publish()
        assert published_trips(home.views, version) == home.recomputed()
        assert home.alerts(version) == home.backtested()
    assert len(home.recomputed()) == READING_PARTITIONS // 2
    assert "trips" in unequal(home, 1, 2)
    # Roads arrive and no reading does: there is nothing to fold and no trip to match.
    home.publish(pins=replace(PINS, network=default_network()))
    assert unequal(home, 2, 3) == []
    assert home.alerts(3) == home.alerts(2) > set()


def unequal(home: Home, before: int, after: int) -> list[str]:
    return [found.view for found in view_differences(home.views, before, after) if not found.is_equal]
