"""The next version of the views: whether there is one to make, from what it can go on, and its manifest."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from cold_path.source.registry import Registry
from cold_path.versions import publication
from cold_path.versions.catalogue import versions
from cold_path.views.recomputation import STATES, Basis, Earlier, Recomputation
from contracts.views import Manifest, current_version, read_manifest, version_folder
from observability.metrics import BATCH_VERSION
from rules.rule import FOLD_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cold_path.lake.table import Lake, LakeState
    from cold_path.operation.stages import Stages
    from cold_path.operation.summary import Pins, Summary
    from roads import RoadNetwork


class NextVersion:
    """Makes versions of one lake in one folder of views; remembers the registry of the last one that it made."""

    def __init__(self, lake: Lake, views: Path, pins: Pins, *, is_full: bool, is_patient: bool = True) -> None:
        """`is_full`: take nothing from the version before; `is_patient`: match trips for the first one already."""
        self._lake = lake
        self._views = views
        self._pins = pins
        self._is_full = is_full
        self._is_patient = is_patient
        self._made: tuple[int, Registry] | None = None

    def is_due(self, registry: Registry) -> bool:
        """Tell whether no version covers what lake and registry hold.

        The newest is asked and not the current one: what was rolled back from is not to come again by itself.
        A lake may cover offsets and have no row, where transactions were aborted: there is no day to compute as of.
        """
        if self._lake.survey.rows == 0:
            return False
        current, known = current_version(self._views), versions(self._views)
        if current is None or not known:
            return True
        BATCH_VERSION.set(current)
        manifest = known[0].manifest
        pins = self._pins
        published = (manifest.covered_offsets, manifest.registry_offset, manifest.rules_hash, manifest.code_version)
        if published != (self._covered(), registry.next_offset, pins.rules_hash, pins.code_version):
            return True
        if manifest.fold_version != FOLD_VERSION:
            return True
        return manifest.road_graph_hash != (pins.network.hash if pins.network else None)

    def make(self, spark: SparkSession, registry: Registry, stages: Stages, summary: Summary) -> None:
        """Compute and publish it; killed anywhere, it is never seen and its number is passed over."""
        state = self._lake.state
        assert state is not None  # noqa: S101 - it is due
        version = publication.next_version(self._views)
        unfinished = publication.begin(self._views, version)
        with stages.stage("recompute", summary, rows=self._lake.survey.rows):
            rows = spark.read.format("delta").option("versionAsOf", state.version)
            lake = rows.load(str(self._lake.folder.absolute()))
            as_of_day = _utc_day(self._lake.survey.latest_ms)
            basis = Basis(lake, registry, self._pins.rules_text, as_of_day, self._network())
            earlier = self._earlier(state, registry)
            summary.days_computed = None if earlier is None else len(earlier.days)
            recomputation = Recomputation(spark, basis, unfinished, earlier=earlier, on_view=stages.progress.computes)
            summary.row_counts = recomputation.run()
        with stages.stage("publish", summary):
            computed_at_ms = int(stages.now_s() * 1000)
            manifest = self._manifest(version, state.version, registry, computed_at_ms, summary.row_counts)
            publication.publish(self._views, unfinished, manifest)
        summary.version = version
        self._made = (version, registry)
        BATCH_VERSION.set(version)

    def _earlier(self, state: LakeState, registry: Registry) -> Earlier | None:
        """Give the version to go on from, if what it holds of the days without new readings would come out the same."""
        current = None if self._is_full else current_version(self._views)
        if current is None:
            return None
        manifest, folder = read_manifest(self._views, current), version_folder(self._views, current)
        pinned = (manifest.rules_hash, manifest.fold_version, manifest.code_version)
        is_same = pinned == (self._pins.rules_hash, FOLD_VERSION, self._pins.code_version)
        known_days = {date.fromisoformat(day.name.removeprefix("day=")) for day in folder.glob("trips/day=*")}
        is_there = (folder / STATES).is_dir() and known_days <= state.days
        if not (is_same and is_there and self._is_computed_with(registry, manifest)):
            return None
        covered = {int(partition): offset for partition, offset in manifest.covered_offsets.items()}
        later_days = self._lake.later_days(covered, since_version=manifest.lake_version)
        return Earlier(folder, covered, later_days, manifest.road_graph_hash)

    def _network(self) -> RoadNetwork | None:
        """Give the roads to match to now: a folder's first version comes without, so that rankings come sooner."""
        is_first = current_version(self._views) is None
        return None if is_first and not self._is_patient else self._pins.network

    def _is_computed_with(self, registry: Registry, manifest: Manifest) -> bool:
        if manifest.registry_offset == registry.next_offset:
            return True
        # A fleet that starts again registers its cars again, with the same words.
        return (
            self._made is not None
            and self._made[0] == manifest.version
            and (self._made[1].vehicles == registry.vehicles)
        )

    def _manifest(
        self, version: int, lake_version: int, registry: Registry, computed_at_ms: int, row_counts: dict[str, int]
    ) -> Manifest:
        latest_ms, network = self._lake.survey.latest_ms, self._network()
        return Manifest(
            version=version,
            computed_at_ms=computed_at_ms,
            as_of_ms=latest_ms,
            as_of_day=_utc_day(latest_ms).isoformat(),
            covered_offsets=self._covered(),
            registry_offset=registry.next_offset,
            rules_hash=self._pins.rules_hash,
            road_graph_hash=network.hash if network else None,
            code_version=self._pins.code_version,
            lake_version=lake_version,
            row_counts=row_counts,
            fold_version=FOLD_VERSION,
        )

    def _covered(self) -> dict[str, int]:
        return {str(partition): offset for partition, offset in self._lake.covered.items()}


def _utc_day(epoch_ms: int) -> date:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).date()
