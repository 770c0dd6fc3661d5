"""One run of the cold path: ingest, recompute, publish, commit; repeatable after a kill at any point."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from cold_path.lake.ingest import ingest
from cold_path.source import broker
from cold_path.source.offsets import plan
from cold_path.source.registry import Registry, folded
from cold_path.versions import publication
from cold_path.views.recomputation import recompute
from contracts.views import Manifest, current_version, read_manifest
from observability.metrics import BATCH_RUN_SECONDS, BATCH_VERSION, LAKE_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cold_path.lake.table import Lake
    from cold_path.settings import Run

_log = logging.getLogger("cold_path")


class Stopped(Exception):
    """The run was asked to stop between two stages; the next one goes on from there."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What does not change while the program runs, and stands in every manifest."""

    rules_hash: str
    code_version: str


@dataclass(slots=True)
class Summary:
    """What a run did."""

    ingested: int = 0
    rejected: int = 0
    repeated: int = 0
    version: int | None = None
    """The version published, None when nothing was new."""
    row_counts: dict[str, int] = field(default_factory=dict)
    stage_seconds: dict[str, float] = field(default_factory=dict)


class BatchRun:
    """Runs on one session, one lake and one folder of views; `now_s` is the program's clock, epoch seconds."""

    def __init__(
        self,
        spark: SparkSession,
        lake: Lake,
        settings: Run,
        pins: Pins,
        *,
        now_s: Callable[[], float],
        is_stopping: Callable[[], bool],
    ) -> None:
        """Read nothing yet."""
        self._spark = spark
        self._lake = lake
        self._settings = settings
        self._pins = pins
        self._now_s = now_s
        self._is_stopping = is_stopping
        self._registry = Registry()
        self._committed: dict[int, int] | None = None

    def once(self) -> Summary:
        """Run all stages. Raises Stopped between two of them when asked to stop."""
        summary = Summary()
        with self._stage("lake", summary):
            self._lake.refresh()
        with self._stage("ingest", summary):
            self._ingest(summary)
        with self._stage("registry", summary):
            self._read_registry()
        if self._lake.state is not None and self._is_something_new():
            self._publish(summary)
        with self._stage("commit", summary):
            self._commit()
        return summary

    def _ingest(self, summary: Summary) -> None:
        asked = self._settings
        bounds = asyncio.run(broker.bounds(asked.bootstrap, asked.readings_topic, wait_s=asked.wait))
        planned = plan(self._lake.covered, bounds, accept_loss=asked.accept_loss)
        if planned.lost:
            _log.warning("readings lost", extra={"offsets": planned.lost})
        if planned.offsets == 0:
            return
        _log.info("ingest started", extra={"offsets": planned.offsets})
        ingest(self._spark, self._lake, planned, bootstrap=asked.bootstrap, topic=asked.readings_topic)
        outcomes = self._lake.refresh().outcomes
        for outcome, rows in outcomes.items():
            LAKE_ROWS.labels(outcome).inc(rows)
        summary.ingested = outcomes.total()
        summary.repeated = outcomes["repeated"]
        summary.rejected = summary.ingested - outcomes["good"] - outcomes["repeated"]

    def _read_registry(self) -> None:
        asked = self._settings
        end = asyncio.run(broker.bounds(asked.bootstrap, asked.vehicles_topic, wait_s=asked.wait)).ends[0]
        if end == self._registry.next_offset:
            return
        found = asyncio.run(_all(asked.bootstrap, asked.vehicles_topic, end, asked.wait))
        self._registry = folded(found, end)

    def _is_something_new(self) -> bool:
        current = current_version(self._settings.views)
        if current is None:
            return True
        manifest = read_manifest(self._settings.views, current)
        BATCH_VERSION.set(current)
        published = (manifest.covered_offsets, manifest.registry_offset, manifest.rules_hash, manifest.code_version)
        pins = self._pins
        return published != (self._covered(), self._registry.next_offset, pins.rules_hash, pins.code_version)

    def _covered(self) -> dict[str, int]:
        return {str(partition): offset for partition, offset in self._lake.covered.items()}

    def _publish(self, summary: Summary) -> None:
        views = self._settings.views
        version = publication.next_version(views)
        unfinished = publication.begin(views, version)
        with self._stage("recompute", summary):
            state = self._lake.state
            assert state is not None  # noqa: S101 - the caller looked
            rows = self._spark.read.format("delta").option("versionAsOf", state.version)
            lake = rows.load(str(self._lake.folder.absolute()))
            as_of_day = _utc_day(self._lake.survey.latest_ms)
            summary.row_counts = recompute(self._spark, lake, self._registry, as_of_day, unfinished)
        with self._stage("publish", summary):
            publication.publish(views, unfinished, self._manifest(version, state.version, summary.row_counts))
        summary.version = version
        BATCH_VERSION.set(version)

    def _manifest(self, version: int, lake_version: int, row_counts: dict[str, int]) -> Manifest:
        latest_ms = self._lake.survey.latest_ms
        return Manifest(
            version=version,
            computed_at_ms=int(self._now_s() * 1000),
            as_of_ms=latest_ms,
            as_of_day=_utc_day(latest_ms).isoformat(),
            covered_offsets=self._covered(),
            registry_offset=self._registry.next_offset,
            rules_hash=self._pins.rules_hash,
            road_graph_hash=None,
            code_version=self._pins.code_version,
            lake_version=lake_version,
            row_counts=row_counts,
        )

    def _commit(self) -> None:
        asked, covered = self._settings, self._lake.covered
        if not covered or covered == self._committed:
            return
        asyncio.run(broker.commit(asked.bootstrap, asked.group, asked.readings_topic, covered, wait_s=asked.wait))
        self._committed = covered

    @contextmanager
    def _stage(self, name: str, summary: Summary) -> Iterator[None]:
        if self._is_stopping():
            raise Stopped
        began = self._now_s()
        yield
        took = self._now_s() - began
        summary.stage_seconds[name] = round(took, 2)
        BATCH_RUN_SECONDS.labels(name).observe(took)
        _log.info("stage ended", extra={"stage": name, "seconds": round(took, 2)})


def _utc_day(epoch_ms: int) -> date:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).date()


async def _all(bootstrap: str, topic: str, end: int, wait_s: float) -> list[tuple[bytes | None, bytes | None]]:
    return [(record.key, record.value) async for record in broker.records(bootstrap, topic, {0: end}, wait_s=wait_s)]
