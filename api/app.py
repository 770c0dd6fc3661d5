"""The composition of the API: everything is made here, once an application."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.middleware.cors import CORSMiddleware

from api import problems
from api.bounded_body import BoundedBody
from api.clock import now_ms
from api.dead_letters import DeadLetters
from api.fleet_control import FleetControl
from api.kafka.action_log import KafkaActionLog
from api.kafka.lag import LagWatch
from api.kafka.producer import KafkaWriter
from api.kafka.reader import TopicReader
from api.live.feed import AlertFeed
from api.live.position_feed import PositionFeed
from api.live.streams import OpenStreams
from api.manual import manual
from api.measuring import Measured
from api.packing import Packed, PackedFiles
from api.routes.actions import action_routes
from api.routes.alerts import alert_routes
from api.routes.costly import BOUNDS
from api.routes.health import health_routes
from api.routes.pipeline import pipeline_routes
from api.routes.positions import position_routes
from api.routes.rankings import ranking_routes
from api.routes.rejected import rejected_routes
from api.routes.roads import road_routes
from api.routes.signals import signal_routes
from api.routes.simulator import simulator_routes
from api.routes.snapshots import snapshot_routes
from api.routes.stream import stream_routes
from api.routes.strictness import refuse_unknown_parameters
from api.routes.vehicles import vehicle_routes
from api.routes.versions import version_routes
from api.security.audit import AuditLog, Rotation
from api.security.gate import Gate
from api.security.keys import KeyRing
from api.security.rate import RateLimit
from api.security.roles import access
from api.store.database import Store
from api.turns import Turns
from api.unsent import BoundedUnsent, UnsentAnswers
from observability.cross_site import Site
from roads import default_network, load_network
from rules import default_rules_file, load_rules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from api.kafka.action_log import ActionLog
    from api.settings import ServeSettings

_STATIC = Path(__file__).parent / "static"
_ABOUT = "Which car needs attention, and which is most fuel efficient: one answer merged from batch and speed layer."


def build(
    settings: ServeSettings, clock: Callable[[], int] = now_ms, *, action_log: ActionLog | None = None
) -> FastAPI:
    """Build an application of its own. Raises InvalidInput for a store's address or a rule file that cannot be."""
    writer = KafkaWriter(settings.bootstrap)
    actions = action_log or KafkaActionLog(writer)
    store = Store(settings.store, registered_only=settings.registered_only)
    keys = KeyRing(settings.keys)
    feed, moving = AlertFeed(store), PositionFeed(store)
    streams = OpenStreams(keys, most=settings.streams_per_key)
    reader = TopicReader(settings.bootstrap)
    watch = LagWatch(settings.bootstrap)
    control = FleetControl(settings.simulator_control)
    rules = load_rules(settings.rules or default_rules_file())
    network = load_network(settings.roads) if settings.roads else default_network()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await control.close()
        await watch.close()
        await reader.close()
        await writer.close()
        store.close()

    app = FastAPI(
        title="Connected cars",
        version="0.1.0",
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.feeds = (feed, moving)
    app.state.costly = Turns("questions that take long", BOUNDS)
    app.state.unsent = UnsentAnswers()
    problems.install(app)
    app.add_middleware(BoundedBody)
    app.add_middleware(BoundedUnsent, unsent=app.state.unsent)
    app.add_middleware(
        Gate,
        site=_site(settings),
        keys=keys,
        limit=RateLimit(settings.rate_limit),
        audit=AuditLog(settings.audit, clock, Rotation(settings.audit_mb * 1_000_000, settings.audit_files)),
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "x-api-key", "x-requested-with", "last-event-id"],
            expose_headers=["etag", "retry-after"],
        )
    app.add_middleware(problems.PlainProblems)
    app.add_middleware(Packed)
    app.add_middleware(Measured)
    for routes in (
        stream_routes(feed, streams),
        alert_routes(store, clock),
        signal_routes(store, reader, settings.lake),
        action_routes(store, actions, clock, patience_s=settings.action_wait),
        vehicle_routes(store),
        position_routes(store, moving, streams),
        ranking_routes(store),
        pipeline_routes(store, watch, rules, settings.views, clock),
        version_routes(settings.views),
        road_routes(store, network, settings.views),
        rejected_routes(store, DeadLetters(store, reader, writer)),
        snapshot_routes(reader, clock),
        simulator_routes(control),
    ):
        app.include_router(routes, dependencies=[Depends(refuse_unknown_parameters)])
    app.include_router(health_routes(store))
    _add_pages(app)
    return app


def _site(settings: ServeSettings) -> Site:
    return Site(
        hosts=frozenset(settings.allowed_hosts),
        origins=frozenset(origin.rstrip("/").lower() for origin in settings.cors_origins),
        remedy="ask under `localhost` or the API's address, or name it: `api serve --allowed-hosts NAME`",
    )


def _add_pages(app: FastAPI) -> None:
    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
            app.openapi_schema = problems.describe(document)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
    document, page = cache(lambda: msgspec.json.encode(described())), cache(lambda: manual(described()))

    @app.get("/openapi.json", include_in_schema=False)
    @access(is_open=True)
    async def openapi() -> Response:
        return Response(document(), media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    @access(is_open=True)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page())

    files = access(is_open=True)(PackedFiles(_STATIC))

    @app.get("/", include_in_schema=False)
    @access(is_open=True)
    async def dashboard(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    app.mount("/static", files, name="static")
