"""How the pipeline does, which versions there are, which rules are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool

from api.answers.pipeline import (
    LatencyAnswer,
    MarkAnswer,
    Pipeline,
    RuleAnswer,
    RulesAnswer,
    VehicleCounts,
    VersionAnswer,
    Views,
)
from api.queries.pipeline import event_to_alert, marks, rejected_by_reason
from api.queries.served import Served, served, stored_versions
from api.queries.vehicles import VehicleFilter, count_vehicles, vehicle_ids
from api.representation import is_known, tag_of, tagged, unchanged
from api.routes.costly import COSTLY
from api.routes.parameters import PLACELESS, PREFIX, AtMs
from api.routes.selection import SELECTABLE, Selecting
from contracts.views import current_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.answers.pipeline import Lag
    from api.kafka.lag import LagWatch
    from api.store.database import Store
    from rules import Rules

_SILENT_NAMED = 100
_VIEWS: dict[int | str, dict[str, Any]] = {
    200: {"model": Views},
    304: {"description": "As the client has it: `If-None-Match` held its `ETag`"},
}


def pipeline_routes(store: Store, watch: LagWatch, rules: Rules, views: Path, clock: Callable[[], int]) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["pipeline"], route_class=Selecting)
    waiting = [rule.name for rule in rules.rules if rule.family == "silence"]

    def measured(lag: Lag, latency_since_ms: int | None, latency_alerts: int) -> Pipeline:
        with store.snapshot() as connection:
            now = served(connection)
            latency = event_to_alert(connection, most=latency_alerts, since_ms=latency_since_ms, without=waiting)
            return Pipeline(
                lag=lag,
                marks=[MarkAnswer(**mark._asdict()) for mark in marks(connection)],
                rejected_readings=rejected_by_reason(connection),
                event_to_alert=LatencyAnswer(**latency._asdict()),
                vehicles=VehicleCounts(**count_vehicles(connection)),
                silent_vehicles=vehicle_ids(connection, VehicleFilter(silent=True), after=None, limit=_SILENT_NAMED),
                batch_view_version=now.version,
                batch_view_age_s=_age_s(now, clock()),
            )

    @routes.get(
        "/pipeline",
        summary="Lag, marks, rejected readings, latency, silent vehicles",
        dependencies=[*SELECTABLE, PLACELESS, COSTLY],
    )
    async def pipeline(
        latency_since_ms: AtMs = None,
        latency_alerts: Annotated[
            int, Query(ge=1, le=100_000, description="newest alerts that latency is over")
        ] = 1000,
    ) -> Pipeline:
        """Say how the whole does; without Kafka the lag says `unavailable` and the rest is answered."""
        lag = await watch.current()
        return await run_in_threadpool(measured, lag, latency_since_ms, latency_alerts)

    @routes.get(
        "/views",
        summary="Versions of the batch views",
        dependencies=[*SELECTABLE, PLACELESS],
        response_model=None,
        responses=_VIEWS,
    )
    def versions(if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None) -> Response:
        """Give the versions in the store, newest first, and which of them is served. The age has no part in the tag."""
        with store.snapshot() as connection:
            now = served(connection)
            stored = stored_versions(connection)
        published = current_version(views)
        tag = tag_of(now.version, published, [(one.manifest.version, one.loaded_at_ms) for one in stored])
        if is_known(if_none_match, tag):
            return unchanged(tag)
        answer = Views(
            served=now.version,
            published=published,
            age_s=_age_s(now, clock()),
            versions=[VersionAnswer.of(version, now.version) for version in stored],
        )
        return tagged(answer.model_dump_json().encode(), "application/json", tag)

    @routes.get("/rules", summary="The rules in force", dependencies=[*SELECTABLE, PLACELESS])
    def rules_in_force() -> RulesAnswer:
        """Give the rules, for charts and people."""
        return RulesAnswer(rules_hash=rules.hash, rules=[RuleAnswer.of(rule) for rule in rules.rules])

    return routes


def _age_s(now: Served, now_ms: int) -> float | None:
    return round((now_ms - now.manifest.as_of_ms) / 1000, 1) if now.manifest else None
