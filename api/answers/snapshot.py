"""Dashcam snapshots as the API lists them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from contracts.snapshot import SnapshotEvent


class SnapshotAnswer(BaseModel):
    """One picture: what made the camera take it, when and where; the car's clock."""

    offset: int
    picture: str = Field(description="where the JPEG is", examples=["/v1/vehicles/1HGCM82633A004352/snapshots/17"])
    event: SnapshotEvent
    detail: str
    recorded_at_ms: int
    received_at_ms: int
    trip_started_at_ms: int
    sequence: int
    speed_kmh: float
    latitude_deg: float | None
    longitude_deg: float | None
    bytes: int


class Snapshots(BaseModel):
    """A vehicle's pictures of the last day, the newest first."""

    vehicle_id: str
    snapshots: list[SnapshotAnswer]
