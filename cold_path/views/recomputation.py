"""All batch views from the lake at one version, written as Parquet into a folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.history.scan import ALL_ROWS, Wanted
from cold_path.routes.costs import read_costs
from cold_path.source.registry import as_rows
from cold_path.views.alert_history import alert_history, history_fold
from cold_path.views.driven_days import driven_days
from cold_path.views.driving_style import driving_style
from cold_path.views.files import make_few, rows_in, take_over
from cold_path.views.fuel_efficiency import fuel_efficiency
from cold_path.views.history_fold import Ruling
from cold_path.views.periods import day_of_trip
from cold_path.views.road_costs import road_costs, road_rows
from cold_path.views.route_savings import route_savings
from cold_path.views.traversals import traversals
from cold_path.views.trip_driving import trip_driving
from cold_path.views.trips import trips
from cold_path.views.vehicle_days import vehicle_days
from contracts.views import VIEW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from cold_path.source.registry import Registry
    from roads import RoadNetwork

STATES: Final = "fold_states"
"""Folder beside the views: where the rules' fold stands at the covered offsets."""

_FOLD: Final = "fold"
_FOLD_DDL: Final = "key string, value binary, kind string, at_partition int"


@dataclass(frozen=True, slots=True)
class Basis:
    """What a version is computed from: the lake at its pinned version, the registry, the rules, the anchoring day."""

    lake: DataFrame
    registry: Registry
    rules_text: str
    as_of_day: date
    network: RoadNetwork | None = None
    """The roads to match trips to; without them the views of roads are left out."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A published version from the same code, rules and registry: what has not changed since is taken from it."""

    folder: Path
    covered: Mapping[int, int]
    """Partition to the first offset that it does not cover."""
    days: frozenset[date]
    """The days of the trips that later readings belong to."""
    road_graph_hash: str | None = None
    """The roads that its trips were matched to."""


class Recomputation:
    """Computes and writes every view into an empty folder; with the same rows whether it goes on from `earlier`.

    A view that others are computed from is read back from its files, so that the lake is scanned once for it.
    `on_view` is told each view's name before it is computed.
    """

    def __init__(
        self,
        spark: SparkSession,
        basis: Basis,
        folder: Path,
        *,
        earlier: Earlier | None = None,
        on_view: Callable[[str], object] = str,
    ) -> None:
        """Compute nothing yet."""
        self._spark = spark
        self._basis = basis
        self._folder = folder
        self._earlier = earlier
        self._on_view = on_view

    def run(self) -> dict[str, int]:
        """Write all views; give the number of rows of each."""
        vehicles = as_rows(self._spark, self._basis.registry).cache()
        try:
            changed = self._changed_trips(self._earlier)
            self._write_by_day("trips", trips(changed), self._earlier)
            self._write_by_day("trip_driving", trip_driving(changed, vehicles), self._earlier)
            self._write_of_trips(vehicles)
            if self._basis.network is not None:
                self._write_of_roads(vehicles, self._basis.network)
            self._write_alert_history()
        finally:
            vehicles.unpersist()
        return {view: rows_in(self._folder / view) for view in VIEW_COLUMNS if (self._folder / view).is_dir()}

    def _changed_trips(self, earlier: Earlier | None) -> DataFrame:
        """Give the lake's rows of the trips that have changed: whole days, which the lake is partitioned by."""
        lake = self._basis.lake
        return lake if earlier is None else lake.where(F.col("day").isin(sorted(earlier.days)))

    def _write_by_day(self, view: str, by_trip: DataFrame, earlier: Earlier | None) -> None:
        self._on_view(view)
        folder = self._folder / view
        dated = by_trip.withColumn("day", day_of_trip()).repartition("day")
        dated.write.partitionBy("day").parquet(str(folder.absolute()))
        if earlier is None:
            return
        changed = {f"day={day.isoformat()}" for day in earlier.days}
        known = earlier.folder / view
        for day in known.glob("day=*"):
            if day.name not in changed:
                take_over(day.glob("*.parquet"), of=known, into=folder)

    def _write_of_trips(self, vehicles: DataFrame) -> None:
        basis = self._basis
        by_trip, driving = self._read("trips"), self._read("trip_driving")
        self._write("vehicle_days", vehicle_days(by_trip))
        driven = driven_days(driving, vehicles)
        efficiency = fuel_efficiency(self._read("vehicle_days"), driven, vehicles, basis.as_of_day)
        self._write("fuel_efficiency", efficiency)
        self._write("driving_style", driving_style(by_trip, driving, basis.as_of_day))

    def _write_of_roads(self, vehicles: DataFrame, network: RoadNetwork) -> None:
        context, earlier = self._spark.sparkContext, self._earlier
        is_same = earlier is not None and earlier.road_graph_hash == network.hash
        basis = earlier if is_same else None
        shared = context.broadcast(network)
        self._write_by_day("traversals", traversals(self._changed_trips(basis), shared), basis)
        driven = self._read("traversals")
        self._write("road_costs", road_costs(driven, vehicles, road_rows(self._spark, network)))
        costs = context.broadcast(read_costs(self._folder / "road_costs", len(network.segments)))
        self._write("route_savings", route_savings(driven, vehicles, costs, shared))
        for sent in (costs, shared):
            sent.destroy()

    def _write_alert_history(self) -> None:
        self._on_view("alert_history")
        earlier, fold, states = self._earlier, self._folder / _FOLD, self._folder / STATES
        known_states = None if earlier is None else str((earlier.folder / STATES).absolute())
        ruling = Ruling(self._basis.rules_text, self._basis.registry.vehicles, known_states)
        wanted = ALL_ROWS if earlier is None else Wanted(dict(earlier.covered))
        folded = history_fold(self._basis.lake, ruling, wanted)
        folded.write.partitionBy("kind", "at_partition").parquet(str(fold.absolute()))
        history = self._spark.read.schema(_FOLD_DDL).parquet(str(fold.absolute()))
        if earlier is None or (fold / "kind=alert").is_dir():
            alert_history(history).coalesce(1).write.parquet(str((self._folder / "alert_history").absolute()))
        states.mkdir()
        for partition in fold.glob("kind=state/at_partition=*"):
            partition.rename(states / partition.name)
        shutil.rmtree(fold)
        if earlier is not None:
            self._take_over_history(earlier, states)

    def _take_over_history(self, earlier: Earlier, states: Path) -> None:
        known = earlier.folder / "alert_history"
        take_over(known.glob("*.parquet"), of=known, into=self._folder / "alert_history")
        make_few(self._folder / "alert_history")
        for partition in (earlier.folder / STATES).glob("at_partition=*"):
            if not (states / partition.name).exists():
                take_over(partition.glob("*.parquet"), of=earlier.folder / STATES, into=states)

    def _write(self, view: str, rows: DataFrame) -> None:
        self._on_view(view)
        rows.write.parquet(str((self._folder / view).absolute()))

    def _read(self, view: str) -> DataFrame:
        ddl = ", ".join(f"`{name}` {kind}" for name, kind in VIEW_COLUMNS[view].items())
        rows = self._spark.read.schema(ddl).parquet(str((self._folder / view).absolute()))
        return rows.select(*VIEW_COLUMNS[view])
