"""Health and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.queries.served import served
from api.security.roles import access

if TYPE_CHECKING:
    from api.store.database import Store


def health_routes(store: Store) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health/live", summary="Is the process alive?")
    @access(is_open=True)
    async def live() -> dict[str, str]:
        """Answer as long as the process does."""
        return {"status": "alive"}

    @routes.get("/health/ready", summary="Can it answer? 503 while there is no store")
    @access(is_open=True)
    def ready() -> dict[str, str | int | None]:
        """Answer once there is a store; `batch_view_version` is null before the first version."""
        with store.snapshot() as connection:
            return {"status": "ready", "batch_view_version": served(connection).version}

    @routes.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes
