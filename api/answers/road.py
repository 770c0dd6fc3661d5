"""Roads, routes and route savings as answers; geometry is GeoJSON (RFC 7946: longitude before latitude)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.road_costs import TimeOfDay, VehicleClass

MEDIA_TYPE = "application/geo+json"
By = Literal["fuel", "time", "distance"]


class LineString(BaseModel):
    """A line on the map."""

    type: Literal["LineString"] = "LineString"
    coordinates: list[tuple[float, float]] = Field(
        description="longitude, latitude", examples=[[[-104.9848, 39.7400], [-104.9872, 39.7401]]]
    )


class PlaceAnswer(BaseModel):
    """A vertex of the network."""

    vertex_id: int
    name: str = Field(examples=["East Colfax Avenue & Sherman Street"])
    latitude_deg: float
    longitude_deg: float
    snapped_m: float = Field(description="from what was asked for to this vertex")


class RouteProperties(BaseModel):
    """What a route costs."""

    by: By = Field(description="what it is the cheapest by")
    distance_m: float
    seconds: float
    fuel_ml: float | None = Field(description="null while no version knows what roads cost")
    litres_per_100km: float | None
    streets: list[str] = Field(description="in driving order, nameless ones left out")
    segment_ids: list[int] = Field(description="of /v1/roads, in driving order")


class RouteFeature(BaseModel):
    """One route."""

    type: Literal["Feature"] = "Feature"
    id: By
    geometry: LineString
    properties: RouteProperties


class RoutesAnswer(BaseModel):
    """The route asked for, then the cheapest by the other measures: a FeatureCollection."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[RouteFeature]
    from_: PlaceAnswer = Field(serialization_alias="from")
    to: PlaceAnswer
    vehicle_class: VehicleClass
    time_of_day: TimeOfDay
    costs: Literal["learnt", "speed limits"] = Field(
        description="learnt from trips by the batch version, or, before it knows roads, free flow at the roads' speed"
    )
    batch_view_version: int | None


class PathProperties(BaseModel):
    """A part of a trip's way without a gap; times are the car's clock."""

    chain: int = Field(description="counts from 0; a new one begins where the way between two readings is unknown")
    segment_ids: list[int] = Field(description="of /v1/roads, in driving order")
    streets: list[str] = Field(description="in driving order, nameless ones left out")
    distance_m: float = Field(description="of its segments as a whole, also of those it began and ended on")
    fuel_ml: float | None = Field(description="burnt on the segments that were driven as a whole")
    entered_at_ms: int | None = Field(description="at the first border between two segments")
    left_at_ms: int | None = Field(description="at the last border")


class PathFeature(BaseModel):
    """One chain of a trip."""

    type: Literal["Feature"] = "Feature"
    id: int
    geometry: LineString
    properties: PathProperties


class PathAnswer(BaseModel):
    """The way of a trip on the network: a FeatureCollection, in driving order. It is the batch version's alone."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[PathFeature]
    vehicle_id: str
    trip_started_at_ms: int
    view: Literal["batch"] = "batch"
    as_of_ms: int = Field(description="the latest broker time that the version knows of")
    batch_view_version: int


class RoadProperties(BaseModel):
    """One direction of a road between two vertices; costs are null before a version knows roads."""

    segment_id: int
    from_vertex_id: int
    to_vertex_id: int
    name: str
    road_class: str = Field(examples=["residential"], description="OpenStreetMap's value of `highway`")
    length_m: float
    speed_kmh: float
    grade: float = Field(description="rise over run")
    traversals: int | None = Field(description="how often trips of this class drove it at this time of day")
    seconds: float | None
    fuel_ml: float | None
    litres_per_100km: float | None = Field(description="the fuel heat of a map")


class RoadFeature(BaseModel):
    """One segment."""

    type: Literal["Feature"] = "Feature"
    id: int
    geometry: LineString
    properties: RoadProperties


class RoadsAnswer(BaseModel):
    """The network: a FeatureCollection, by rising segment_id."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[RoadFeature]
    network_hash: str
    vehicle_class: VehicleClass
    time_of_day: TimeOfDay
    batch_view_version: int | None
    attribution: str


class SavingAnswer(BaseModel):
    """Some legs of trips, each from one stop to the next, beside the frugal routes between their ends."""

    key: str = Field(description="what the scope groups by", examples=["1HGCM82633A004352"])
    trip_started_at_ms: int | None = Field(description="of scope trip")
    from_: str | None = Field(serialization_alias="from", description="of scope connection")
    to: str | None
    from_vertex_id: int | None
    to_vertex_id: int | None
    legs: int
    driven_m: float
    driven_s: float
    driven_fuel_ml: float | None = Field(description="measured")
    expected_fuel_ml: float = Field(description="of the way driven, at the road costs of the vehicles' classes")
    frugal_fuel_ml: float = Field(description="of the frugal route, at the same costs")
    saved_fuel_ml: float = Field(description="expected - frugal: what the frugal route would have saved")
    saved_s: float = Field(description="what the fast route would have saved")
    saved_pct: float


class SavingsAnswer(BaseModel):
    """Where the fleet lost fuel on the road, most first."""

    scope: Literal["connection", "trip", "vehicle", "model", "fleet"]
    batch_view_version: int | None
    savings: list[SavingAnswer]


def rounded(value: Any) -> Any:
    """Give a figure as people read it: milliseconds, millilitres and millimetres are not known to a millionth."""
    return None if value is None else round(value, 3)
