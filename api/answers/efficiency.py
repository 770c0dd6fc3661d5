"""Fuel efficiency as the API answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.merge import View
from api.queries.efficiency import By
from contracts.definitions import PeriodKind, Scope, co2_g_per_km, litres_per_100km, mpg_us

if TYPE_CHECKING:
    from api.merge import Contribution
    from api.queries.served import Served

Order = Literal["best", "worst"]


class Figures(BaseModel):
    """What a period adds up to, over trips that count: at least 500 m, with fuel."""

    trips: int
    distance_m: int
    fuel_ml: int
    litres_per_100km: float | None
    mpg_us: float | None
    co2_g_per_km: float | None


def figures(total: Contribution) -> dict[str, Any]:
    """Give sums, and what follows from them."""
    distance_m, fuel_ml = total.distance_m, total.fuel_ml
    return {
        "trips": total.trips,
        "distance_m": distance_m,
        "fuel_ml": fuel_ml,
        "litres_per_100km": _rounded(litres_per_100km(distance_m, fuel_ml), 3),
        "mpg_us": _rounded(mpg_us(distance_m, fuel_ml), 2),
        "co2_g_per_km": _rounded(co2_g_per_km(distance_m, fuel_ml), 1),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


class Layers(BaseModel):
    """Where an answer comes from, and up to when it knows."""

    view: View
    as_of_ms: int | None = Field(description="the latest broker time of any reading in the answer")
    batch_view_version: int | None = Field(description="the batch version in it; null before the first, or in `speed`")


def layers(served: Served, view: View) -> dict[str, Any]:
    """Give Layers."""
    return {"view": view, "as_of_ms": served.as_of_ms(view), "batch_view_version": version_in(served, view)}


def version_in(served: Served, view: View) -> int | None:
    """Give the batch version that an answer contains."""
    return None if view == "speed" else served.version


class _Place(BaseModel):
    rank: int
    key: str = Field(description="VIN, model or fleet, by the ranking's scope")
    model: str | None = None
    fleet: str | None = None


class RankedAnswer(Figures, _Place):
    """One place in a ranking; the indexes are the batch version's, 100 is par and less is better."""

    efficiency_index: float | None = Field(
        default=None, description="burnt against what physics predict for exactly this driving, among its like"
    )
    driver_index: float | None = Field(default=None, description="the driving done against smooth driving of the same")


class RankingAnswer(Layers):
    """Vehicles, models or fleets by fuel efficiency in a period."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "view": "merged",
                    "as_of_ms": 1795248000000,
                    "batch_view_version": 12,
                    "scope": "vehicle",
                    "period_kind": "last_7_days",
                    "period": "2026-11-15",
                    "by": "litres",
                    "order": "best",
                    "shortest_distance_m": 5000,
                    "ranked": 200,
                    "places": [
                        {
                            "rank": 1,
                            "key": "1HGCM82633A004352",
                            "model": "Toyota Yaris 2022",
                            "fleet": "north",
                            "trips": 14,
                            "distance_m": 182400,
                            "fuel_ml": 8210,
                            "litres_per_100km": 4.501,
                            "mpg_us": 52.26,
                            "co2_g_per_km": 105.7,
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    scope: Scope
    period_kind: PeriodKind
    period: str
    by: By = Field(description="litres per 100 km, index or driver's index; the latter two know the batch view only")
    order: Order
    shortest_distance_m: int = Field(
        description="from this distance in the period on a vehicle, model or fleet is ranked"
    )
    ranked: int = Field(description="how many are ranked, on all pages")
    places: list[RankedAnswer]
    next_cursor: str | None


class _Named(BaseModel):
    period: str
    from_ms: int


class PeriodFigures(Figures, _Named):
    """One period of one vehicle."""


class VehicleEfficiency(Layers):
    """One vehicle's fuel efficiency over time, latest period first."""

    vehicle_id: str
    period_kind: PeriodKind
    periods: list[PeriodFigures]
