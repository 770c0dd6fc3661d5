"""Routes and roads as GeoJSON features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.answers.road import LineString, RouteFeature, RouteProperties, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.answers.road import By
    from roads import RoadNetwork, Segment
    from roads.costs import Costs

Coordinates = list[tuple[float, float]]


def route_feature(network: RoadNetwork, segments: Sequence[int], by: By, costs: Costs) -> RouteFeature:
    """Draw a route; costs without fuel give no fuel."""
    distance_m = sum(network.segments[i].length_m for i in segments)
    fuel_ml = sum(costs.fuel_ml[i] for i in segments) if costs.fuel_ml else None
    properties = RouteProperties(
        by=by,
        distance_m=rounded(distance_m),
        seconds=rounded(sum(costs.seconds[i] for i in segments)),
        fuel_ml=rounded(fuel_ml),
        litres_per_100km=rounded(fuel_ml / distance_m * 100) if fuel_ml is not None and distance_m else None,
        streets=streets_of(network, segments),
        segment_ids=list(segments),
    )
    return RouteFeature(id=by, geometry=LineString(coordinates=line_of(network, segments)), properties=properties)


def line_of(network: RoadNetwork, segments: Sequence[int]) -> Coordinates:
    """Join shapes; the place where two meet stands there once."""
    line: Coordinates = []
    for segment in segments:
        drawn = _coordinates(network.segments[segment])
        line += drawn[1:] if line and line[-1] == drawn[0] else drawn
    return line


def _coordinates(segment: Segment) -> Coordinates:
    return [(longitude_deg, latitude_deg) for latitude_deg, longitude_deg in segment.shape]


def streets_of(network: RoadNetwork, segments: Sequence[int]) -> list[str]:
    """Give the names of the streets in driving order, nameless ones left out."""
    streets: list[str] = []
    for segment in segments:
        name = network.segments[segment].name
        if name and streets[-1:] != [name]:
            streets.append(name)
    return streets


def road_feature(
    network: RoadNetwork, segment: Segment, costs: Costs | None, traversals: dict[int, int] | None
) -> dict[str, Any]:
    """Draw a segment as RoadFeature has it; thousands of them are not worth validating one by one."""
    i = segment.segment_id
    fuel_ml = costs.fuel_ml[i] if costs else None
    return {
        "type": "Feature",
        "id": i,
        "geometry": {"type": "LineString", "coordinates": _coordinates(segment)},
        "properties": {
            "segment_id": i,
            "from_vertex_id": network.vertices[segment.start].vertex_id,
            "to_vertex_id": network.vertices[segment.end].vertex_id,
            "name": segment.name,
            "road_class": segment.road_class,
            "length_m": segment.length_m,
            "speed_kmh": segment.speed_kmh,
            "grade": segment.grade,
            "traversals": None if traversals is None else traversals.get(i, 0),
            "seconds": costs.seconds[i] if costs else None,
            "fuel_ml": fuel_ml,
            "litres_per_100km": None if fuel_ml is None else round(fuel_ml / segment.length_m * 100, 2),
        },
    }
