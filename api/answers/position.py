"""Positions as GeoJSON (RFC 7946: longitude before latitude)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from contracts.alert import Severity

if TYPE_CHECKING:
    from api.queries.positions import Position

MEDIA_TYPE = "application/geo+json"


class Point(BaseModel):
    """A place, in degrees of WGS 84."""

    type: Literal["Point"]
    coordinates: list[float] = Field(description="longitude, latitude", examples=[[11.575, 48.137]])


class PositionProperties(BaseModel):
    """What a map shows of a vehicle."""

    vehicle_id: str
    recorded_at_ms: int = Field(description="the car's clock")
    received_at_ms: int = Field(description="the broker's clock")
    speed_kmh: float
    heading_deg: float | None
    is_silent: bool
    severity: Severity | None = Field(description="of its worst open alert")


class PositionFeature(BaseModel):
    """One vehicle."""

    type: Literal["Feature"]
    id: str
    geometry: Point
    properties: PositionProperties


class Positions(BaseModel):
    """A FeatureCollection, by rising VIN."""

    type: Literal["FeatureCollection"]
    features: list[PositionFeature]
    next_cursor: str | None


def feature(position: Position) -> dict[str, Any]:
    """Give one vehicle as PositionFeature has it; thousands of them are not worth validating one by one."""
    return {
        "type": "Feature",
        "id": position.vehicle_id,
        "geometry": {"type": "Point", "coordinates": [position.longitude_deg, position.latitude_deg]},
        "properties": {
            "vehicle_id": position.vehicle_id,
            "recorded_at_ms": position.recorded_at_ms,
            "received_at_ms": position.received_at_ms,
            "speed_kmh": position.seen.speed_kmh,
            "heading_deg": position.seen.heading_deg,
            "is_silent": position.is_silent,
            "severity": position.severity,
        },
    }
