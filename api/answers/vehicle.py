"""Vehicles and trips as the API answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from api.answers.alert import AlertAnswer, open_of
from api.answers.efficiency import Layers
from api.queries.vehicles import LONGEST_NAME
from contracts.definitions import litres_per_100km

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.queries.alerts import AlertRow, OpenCount
    from api.queries.vehicles import Known, Listed
    from contracts.vehicle_state import TripTotals

_LARGEST_ENTRY: Final = 16 * 1024


class VehicleItem(BaseModel):
    """A vehicle in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "vehicle_id": "1HGCM82633A004352",
                    "model": "Toyota Yaris 2022",
                    "fleet": "north",
                    "is_silent": False,
                    "last_received_at_ms": 1795248000000,
                    "open_alerts": 1,
                }
            ]
        }
    )

    vehicle_id: str
    model: str | None = Field(description="make, model and year; null when the vehicle is in no registry")
    fleet: str | None
    is_silent: bool
    last_received_at_ms: int | None = Field(description="broker time of its last reading; null: never heard of")
    open_alerts: int


class VehiclePage(BaseModel):
    """Vehicles by rising VIN."""

    vehicles: list[VehicleItem]
    next_cursor: str | None


class VehicleDetail(BaseModel):
    """One vehicle: the registry's entry, the newest reading, live averages, open alerts."""

    vehicle_id: str
    model: str | None
    fleet: str | None
    is_silent: bool
    last_received_at_ms: int | None
    registry: dict[str, Any] | None = Field(description="null also for an entry of more than 16 KiB")
    reading: dict[str, Any] | None = Field(description="the newest reading, by trip and sequence; names as on the wire")
    averages: dict[str, float] | None = Field(description="over the last 5 minutes of event time")
    alerts: list[AlertAnswer] = Field(description="its open alerts, the most urgent 10 at most")
    open_alerts: int = Field(description="how many open alerts it has")
    all_alerts: str = Field(description="where all of them are", examples=["/v1/alerts?vehicle_id=V&is_open=true"])


class TripAnswer(BaseModel):
    """A trip's totals; times are the car's clock."""

    trip_started_at_ms: int
    ended_at_ms: int = Field(description="of its last reading so far")
    distance_m: int
    fuel_ml: int | None
    idle_s: int | None
    litres_per_100km: float | None


class TripPage(Layers):
    """A vehicle's trips, latest start first."""

    vehicle_id: str
    trips: list[TripAnswer]
    next_cursor: str | None


# As in `api.answers.alert`: what the models describe, field for field and in their order.
def vehicle_listed(vehicle: Listed, open_alerts: int) -> dict[str, Any]:
    """Give a VehicleItem."""
    return vehicle._asdict() | {"open_alerts": open_alerts}


def vehicle_told(vehicle: Known, alerts: Sequence[AlertRow], count: OpenCount) -> dict[str, Any]:
    """Give a VehicleDetail."""
    registry, latest = vehicle.registry, vehicle.latest
    return {
        "vehicle_id": vehicle.vehicle_id,
        "model": registry.model_name[:LONGEST_NAME] if registry else None,
        "fleet": registry.fleet[:LONGEST_NAME] if registry else None,
        "is_silent": latest.is_silent if latest else False,
        "last_received_at_ms": latest.received_at_ms if latest else None,
        "registry": msgspec.Raw(registry.entry) if registry and len(registry.entry) <= _LARGEST_ENTRY else None,
        "reading": msgspec.Raw(latest.reading) if latest else None,
        "averages": msgspec.Raw(latest.averages) if latest and latest.averages else None,
    } | open_of(vehicle.vehicle_id, alerts, count)


def trip_told(trip: TripTotals) -> dict[str, Any]:
    """Give a TripAnswer from totals."""
    consumption = None if trip.fuel_ml is None else litres_per_100km(trip.distance_m, trip.fuel_ml)
    return {
        "trip_started_at_ms": trip.trip_started_at_ms,
        "ended_at_ms": trip.ended_at_ms,
        "distance_m": trip.distance_m,
        "fuel_ml": trip.fuel_ml,
        "idle_s": trip.idle_s,
        "litres_per_100km": None if consumption is None else round(consumption, 3),
    }
