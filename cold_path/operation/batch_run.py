"""One run of the cold path: ingest, recompute, publish, commit; repeatable after a kill at any point."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from cold_path.lake.ingest import ingest
from cold_path.lake.upkeep import keep_up
from cold_path.operation.summary import Summary
from cold_path.operation.version import NextVersion
from cold_path.source import broker
from cold_path.source.offsets import Plan, plan
from cold_path.source.registry import Registry, registry_now
from observability.metrics import LAKE_ROWS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from cold_path.lake.table import Lake
    from cold_path.operation.stages import Stages
    from cold_path.operation.summary import Pins
    from cold_path.settings import Run

_log = logging.getLogger("cold_path")


class BatchRun:
    """Runs on one session, one lake and one folder of views."""

    def __init__(self, spark: SparkSession, lake: Lake, settings: Run, pins: Pins, stages: Stages) -> None:
        """Read nothing yet."""
        self._spark = spark
        self._lake = lake
        self._settings = settings
        self._stages = stages
        self._version = NextVersion(lake, settings.views, pins, is_full=settings.full, is_patient=settings.once)
        self._registry = Registry()
        self._committed: dict[int, int] | None = None

    def once(self) -> Summary:
        """Run all stages. Raises Stopped between two of them when asked to stop."""
        summary = Summary()
        with self._stages.stage("lake", summary):
            self._lake.refresh()
        planned = self._planned()
        with self._stages.stage("ingest", summary, rows=planned.offsets):
            self._ingest(planned, summary)
        with self._stages.stage("registry", summary):
            self._read_registry()
        if self._version.is_due(self._registry):
            self._version.make(self._spark, self._registry, self._stages, summary)
        with self._stages.stage("commit", summary):
            self._commit()
        with self._stages.stage("upkeep", summary):
            self._keep_up()
        return summary

    def _planned(self) -> Plan:
        asked = self._settings
        bounds = asyncio.run(broker.bounds(asked.bootstrap, asked.readings_topic, wait_s=asked.wait))
        planned = plan(self._lake.covered, bounds, accept_loss=asked.accept_loss)
        if bounds.held:
            _log.warning("readings held by open transactions", extra={"from_offsets": bounds.held_from})
        if planned.lost:
            _log.warning("readings lost", extra={"offsets": planned.lost})
        return planned

    def _ingest(self, planned: Plan, summary: Summary) -> None:
        asked = self._settings
        if planned.offsets == 0:
            return
        ingest(self._spark, self._lake, planned, bootstrap=asked.bootstrap, topic=asked.readings_topic)
        outcomes = self._lake.refresh().outcomes
        for outcome, rows in outcomes.items():
            LAKE_ROWS.labels(outcome).inc(rows)
        summary.ingested = outcomes.total()
        summary.repeated = outcomes["repeated"]
        summary.rejected = summary.ingested - outcomes["good"] - outcomes["repeated"]

    def _read_registry(self) -> None:
        asked = self._settings
        known = registry_now(asked.bootstrap, asked.vehicles_topic, wait_s=asked.wait, known=self._registry)
        self._registry = asyncio.run(known)

    def _keep_up(self) -> None:
        """Last, so that what is published depends on files that are there still."""
        done = keep_up(self._lake, most_small_files=self._settings.compact_files, keep_days=self._settings.keep_days)
        if not done.is_nothing:
            _log.info("lake kept up", extra=asdict(done))

    def _commit(self) -> None:
        asked, covered = self._settings, self._lake.covered
        if not covered or covered == self._committed:
            return
        asyncio.run(broker.commit(asked.bootstrap, asked.group, asked.readings_topic, covered, wait_s=asked.wait))
        self._committed = covered
