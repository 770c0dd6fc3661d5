"""Numbers and words that both paths must mean the same by. Each path computes in its own idiom; tests compare them."""

from __future__ import annotations

from typing import Final, Literal, get_args

SHORTEST_RANKED_TRIP_M: Final = 500
"""Shorter trips say nothing about a car's consumption: they are cold starts and manoeuvres."""

SHORTEST_RANKED_DISTANCE_M: Final = 5_000
"""A vehicle, model or fleet is ranked in a period from this distance on."""

LITRES_PER_100KM_TIMES_MPG: Final = 235.215
"""US miles per gallon = 235.215 / (L/100 km): 100 km / 1.609344 km * 3.785412 L."""

CO2_G_PER_US_GALLON_PETROL: Final = 8_887
"""EPA, "Greenhouse Gas Emissions from a Typical Passenger Vehicle", EPA-420-F-23-014."""

LITRES_PER_US_GALLON: Final = 3.785411784
PETROL_G_PER_L: Final = 745.0
PETROL_KJ_PER_G: Final = 43.0

HARSH_MPS2: Final = 2.45
"""A quarter of g: braking or accelerating more than this is harsh, from the reading that first shows it."""

SPEEDING_KMH: Final = 120.0
"""Faster than this is speeding: 75 mph, the highest limit of Colorado; no road's own limit is known here."""

Scope = Literal["vehicle", "model", "fleet"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PeriodKind = Literal["day", "week", "month", "last_7_days", "last_30_days"]
PERIOD_KINDS: tuple[PeriodKind, ...] = get_args(PeriodKind)
LAST_DAYS: Final[dict[str, int]] = {"last_7_days": 7, "last_30_days": 30}
"""The last N days begin at 00:00 UTC of the N-1st day before the version's `as_of_day`, and are open at the end."""

AVERAGING_WINDOW_MS: Final = 5 * 60 * 1000
"""Live averages look this far back, in event time."""


def litres_per_100km(distance_m: int, fuel_ml: int) -> float | None:
    """Give L/100 km from metres and millilitres; None without distance."""
    return fuel_ml / distance_m * 100 if distance_m > 0 else None


def mpg_us(distance_m: int, fuel_ml: int) -> float | None:
    """Give US miles per gallon from metres and millilitres; None without distance or fuel."""
    consumption = litres_per_100km(distance_m, fuel_ml)
    return LITRES_PER_100KM_TIMES_MPG / consumption if consumption else None


def co2_g_per_km(distance_m: int, fuel_ml: int) -> float | None:
    """Give grams of CO2 a kilometre for petrol; None without distance."""
    if distance_m <= 0:
        return None
    return fuel_ml / LITRES_PER_US_GALLON * CO2_G_PER_US_GALLON_PETROL / distance_m


def is_ranked_trip(distance_m: int, fuel_ml: int | None) -> bool:
    """Tell whether a trip counts in fuel efficiency."""
    return fuel_ml is not None and distance_m >= SHORTEST_RANKED_TRIP_M
