"""Where the vehicles are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.answers.position import MEDIA_TYPE, Positions, feature
from api.cursor import cursor_after, read_cursor
from api.live.places import Viewport
from api.live.position import read
from api.live.response import MEDIA_TYPE as EVENTS
from api.live.response import EventStream
from api.queries.positions import EVERYWHERE, Box, positions
from api.routes.costly import COSTLY
from api.routes.parameters import PREFIX, Cursor, EventId, Name, Since
from api.security.roles import access
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.live.position_feed import PositionFeed
    from api.live.streams import OpenStreams
    from api.store.database import Store

_MOST = 10_000
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Positions"}}}, "model": Positions}
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `positions`: FeatureCollections as `/v1/positions` answers them",
        "content": {EVENTS: {"schema": {"type": "string"}}},
    }
}
_BoxText = Annotated[
    str | None,
    Query(
        max_length=200, description="west,south,east,north in degrees; default: everywhere", examples=["11,48,12,49"]
    ),
]


def position_routes(store: Store, feed: PositionFeed, streams: OpenStreams) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["vehicles"])

    @routes.get(
        "/positions",
        summary="Where the vehicles are, as GeoJSON",
        dependencies=[COSTLY],
        responses=_RESPONSES,
        response_model=None,
    )
    @access(tells_places=True)
    async def newest_positions(
        bbox: _BoxText = None,
        fleet: Name = None,
        limit: Annotated[int, Query(ge=1, le=_MOST, description="vehicles a page")] = 1000,
        cursor: Cursor = None,
    ) -> Response:
        """Give the newest position of every vehicle in a box, by VIN."""
        box = _box(bbox)
        query = ("positions", box, fleet)
        after = read_cursor(query, cursor, str)[0] if cursor else None

        def collection(connection: Connection) -> bytes:  # in the question's thread, as there may be thousands
            found = positions(connection, box, fleet=fleet, after=after, limit=limit + 1)
            page = found[:limit]
            more = cursor_after(query, [page[-1].vehicle_id]) if len(found) > limit else None
            features = [feature(one) for one in page]
            return msgspec.json.encode({"type": "FeatureCollection", "features": features, "next_cursor": more})

        return Response(await store.ask(collection), media_type=MEDIA_TYPE)

    @routes.get(
        "/positions/stream",
        summary="Positions as vehicles move",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    @access(tells_places=True)
    async def moving_positions(
        request: Request,
        bbox: _BoxText = None,
        fleet: Name = None,
        last_event_id: EventId = None,
        since: Since = None,
    ) -> EventStream:
        """Send what is in the viewport, then once a second what moved in it, thinned to what a map can show."""
        event_id = last_event_id or since
        view = Viewport(_box(bbox), fleet)
        opened = streams.admit(request.scope["permit"])
        chunks = feed.chunks(view, read(event_id) if event_id else None)
        return EventStream(chunks, lambda: streams.leave(opened), over=opened.over)

    return routes


def _box(text: str | None) -> Box:
    if text is None:
        return EVERYWHERE
    try:
        box = Box(*map(float, text.split(",")))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"bbox {text!r}: write four numbers, west,south,east,north, as 11,48,12,49") from error
    is_box = -180 <= box.west <= 180 and -180 <= box.east <= 180 and -90 <= box.south <= box.north <= 90  # noqa: PLR2004
    if not is_box:
        raise InvalidInput(f"bbox {text!r}: longitudes are -180 to 180, latitudes -90 to 90, south before north")
    return box
