"""Roads and routes: what streets cost, which way is cheapest, where the fleet lost fuel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response

from api.answers.road import MEDIA_TYPE, By, PathAnswer, RoadsAnswer, RoutesAnswer, SavingAnswer, SavingsAnswer, rounded
from api.errors import Unknown
from api.packing import accepts_gzip
from api.queries.roads import SavingScope, savings
from api.queries.served import served
from api.representation import is_known
from api.routes.costly import COSTLY
from api.routes.parameters import MOST_ROWS, PLACELESS, PREFIX, Vin
from api.routing.atlas import Atlas
from api.routing.driven import Trip, driven
from api.routing.finder import RouteFinder
from api.routing.places import Places
from api.routing.road_map import RoadMap
from api.security.roles import access
from contracts.road_costs import TimeOfDay, VehicleClass

if TYPE_CHECKING:
    from pathlib import Path as Folder

    from api.queries.roads import Saved
    from api.store.database import Store
    from roads import RoadNetwork

_PLACE = "latitude,longitude; a vertex id; a street; or two streets that meet, joined by &"
_Class = Annotated[VehicleClass, Query(description="by mass: light below 1,500 kg, heavy from 1,900 kg")]
_Time = Annotated[
    TimeOfDay,
    Query(description="mean solar time on the spot; night is 20 to 6, morning from 6, day from 10, evening from 15"),
]
_TripStart = Annotated[int, Path(ge=0, le=2**53, description="epoch milliseconds, as the list of trips tells it")]
_PLACES_TOLD = "connection"


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _geojson(model: type[Any]) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    return {200: {"content": {MEDIA_TYPE: schema}, "model": model}}


def road_routes(store: Store, network: RoadNetwork, views: Folder) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["roads"])
    atlas, places = Atlas(network), Places(network)
    finder, road_map = RouteFinder(atlas, places), RoadMap(atlas)

    @routes.get(
        "/routes",
        summary="The cheapest way",
        dependencies=[PLACELESS, COSTLY],
        responses=_geojson(RoutesAnswer) | {404: {"description": "No such place, or no way", "content": _PROBLEM}},
        response_model=None,
    )
    def cheapest(
        from_: Annotated[
            str, Query(alias="from", min_length=1, max_length=200, description=_PLACE, examples=["39.7434,-104.9847"])
        ],
        to: Annotated[
            str, Query(min_length=1, max_length=200, description=_PLACE, examples=["Blake Street & 15th Street"])
        ],
        by: By = "fuel",
        vehicle_class: _Class = "medium",
        time_of_day: _Time = "all",
    ) -> Response:
        """Give the cheapest way by fuel, time or distance, and the other two beside it, each with fuel and time."""
        with store.snapshot() as connection:
            learnt = atlas.learnt(connection)
        answer = finder.routes((from_, to), by, vehicle_class, time_of_day, learnt)
        return Response(answer.model_dump_json(by_alias=True), media_type=MEDIA_TYPE)

    @routes.get(
        "/roads",
        summary="The road network and what its segments cost",
        dependencies=[PLACELESS, COSTLY],
        responses=_geojson(RoadsAnswer)
        | {304: {"description": "As the client has it: `If-None-Match` held its `ETag`"}},
        response_model=None,
    )
    def roads(
        request: Request,
        vehicle_class: _Class = "medium",
        time_of_day: _Time = "all",
        if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        """Give every segment with the fuel and time it takes a vehicle of the class; packed where gzip is accepted."""
        with store.snapshot() as connection:
            document = road_map.document(connection, vehicle_class, time_of_day)
        headers = {"ETag": document.tag, "Vary": "Accept-Encoding", "Cache-Control": "private, max-age=60"}
        if is_known(if_none_match, document.tag):
            return Response(status_code=304, headers=headers)
        if accepts_gzip(request.headers):
            return Response(document.packed, media_type=MEDIA_TYPE, headers=headers | {"Content-Encoding": "gzip"})
        return Response(document.plain, media_type=MEDIA_TYPE, headers=headers)

    @routes.get(
        "/vehicles/{vin}/trips/{trip_started_at_ms}/path",
        summary="The way a trip took",
        dependencies=[COSTLY],
        responses=_geojson(PathAnswer),
        response_model=None,
    )
    @access(tells_places=True)
    def path(
        vin: Vin, trip_started_at_ms: Annotated[int, Path(ge=0, le=2**53, description="as `trips` tells it")]
    ) -> Response:
        """Give the road segments that the batch version matched it to, in driving order, as lines for a map."""
        with store.snapshot() as connection:
            manifest = served(connection).manifest
            atlas.learnt(connection)
        if manifest is None:
            raise Unknown("no version is served yet, and only a version knows ways; /v1/views tells when there is one")
        answer = PathAnswer(
            features=driven(network, views, manifest.version, Trip(vin, trip_started_at_ms)),
            vehicle_id=vin,
            trip_started_at_ms=trip_started_at_ms,
            as_of_ms=manifest.as_of_ms,
            batch_view_version=manifest.version,
        )
        return Response(answer.model_dump_json(), media_type=MEDIA_TYPE)

    @routes.get(
        "/route-savings",
        summary="Where did the fleet lose fuel on the road?",
        dependencies=[COSTLY],
        response_model=SavingsAnswer,
    )
    def route_savings(
        request: Request,
        scope: Annotated[
            SavingScope, Query(description="connection: between two places; or by trip, vehicle …")
        ] = "connection",
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="groups, most fuel first")] = 50,
    ) -> SavingsAnswer:
        """Sum, over the legs of matched trips, what the frugal route from stop to stop would have saved."""
        if scope == _PLACES_TOLD and not _sees_positions(request):
            raise HTTPException(403, f"scope {scope} tells where cars stopped; this key does not see positions")
        with store.snapshot() as connection:
            version = served(connection).version
            found = savings(connection, version or 0, scope, limit=limit)
        return SavingsAnswer(
            scope=scope, batch_view_version=version, savings=[_saving(one, scope, places) for one in found]
        )

    return routes


def _sees_positions(request: Request) -> bool:
    return bool(request.scope.get("sees_positions", True))


def _saving(one: Saved, scope: SavingScope, places: Places) -> SavingAnswer:
    ends = one.key if scope == _PLACES_TOLD else (None, None)
    names = [None if vertex_id is None else places.name_of_id(vertex_id) for vertex_id in ends]
    sums = {name: rounded(value) for name, value in one._asdict().items() if name not in {"key", "legs"}}
    return SavingAnswer(
        key=" to ".join(map(str, names)) if scope == _PLACES_TOLD else str(one.key[0]),
        trip_started_at_ms=one.key[1] if scope == "trip" else None,
        from_=names[0],
        to=names[1],
        from_vertex_id=ends[0],
        to_vertex_id=ends[1],
        legs=one.legs,
        saved_pct=round(one.saved_fuel_ml / one.expected_fuel_ml * 100, 2) if one.expected_fuel_ml else 0.0,
        **sums,
    )
