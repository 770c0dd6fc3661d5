"""Alerts as they come, as server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from api.live.frame import Wish
from api.live.position import read
from api.live.response import MEDIA_TYPE, EventStream
from api.routes.parameters import PREFIX, EventId, Name, Since
from contracts.alert import Severity

if TYPE_CHECKING:
    from api.live.feed import AlertFeed
    from api.live.streams import OpenStreams

_EXAMPLE = (
    "event: alert\n"
    "id: 0.0.0.41.0.0.0.7.0.0.0.0\n"
    'data: {"alert_id":"4e7c8a0e-6f43-5d0e-8f1e-0d6f8a1f2b3c","change":1,"vehicle_id":"1HGCM82633A004352", …}\n\n'
)
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `alert`, as in the topic engine-alerts, and `reset`",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


def stream_routes(feed: AlertFeed, streams: OpenStreams) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["alerts"])

    @routes.get("/alerts/stream", summary="Alerts as they come", response_class=StreamingResponse, responses=_RESPONSES)
    async def stream(
        request: Request,
        vehicle_id: Name = None,
        rule: Name = None,
        severity: Severity | None = None,
        last_event_id: EventId = None,
        since: Since = None,
    ) -> EventStream:
        """Send each alert event once the store has it. A `reset` says that what was missed is to be read from lists."""
        event_id = last_event_id or since
        vector = read(event_id) if event_id else None
        wish = Wish(vehicle_id, rule, severity)
        is_lost = bool(event_id) and vector is None
        with streams.admitted(request.scope["permit"]) as opened:
            sees_places = opened.permit.sees_positions
            listener = await feed.join(vector, wish, is_lost=is_lost, sees_places=sees_places)

        def ended() -> None:
            feed.leave(listener)
            streams.leave(opened)

        return EventStream(listener.chunks(), ended, over=opened.over)

    return routes
