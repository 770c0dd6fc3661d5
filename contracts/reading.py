"""A reading: what a car says about itself at one moment. Names and units follow COVESA VSS 6.0."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.bounds import Count

READING_SCHEMA = b"vehicle-reading/1"
"""Value of the Kafka header `schema` on every reading."""

OilLevel = Literal["CRITICALLY_LOW", "LOW", "NORMAL", "HIGH", "CRITICALLY_HIGH"]

Share = Annotated[float, Meta(ge=0, le=100)]
Trim = Annotated[float, Meta(ge=-100, le=100)]
Air = Annotated[float, Meta(ge=-60, le=120)]
TyrePressure = Annotated[float, Meta(ge=0, le=1_500)]
TyrePressures = tuple[TyrePressure, TyrePressure, TyrePressure, TyrePressure]
TroubleCode = Annotated[str, Meta(pattern=r"^[PBCU][0-3][0-9A-F]{3}\Z")]
MOST_TROUBLE_CODES = 64


class Reading(Struct, gc=False, omit_defaults=True):
    """One reading, fields in the order of the JSON (decoding is a fifth slower in any other order).

    Times are epoch milliseconds of the car's clock. `trip_*` are counters since the trip began, so that a reading
    may be lost, late, repeated or out of order and totals stay right. An absent signal is None.
    The ranges are those within which a signal is believed; the decoder tests them at next to no cost.
    `gc=False` is safe: no field can hold a cycle.
    """

    vehicle_id: Annotated[str, Meta(min_length=17, max_length=17)]
    sequence: Count
    recorded_at_ms: Count
    trip_started_at_ms: Count
    trip_distance_m: Count
    speed_kmh: Annotated[float, Meta(ge=0, le=400)]
    engine_rpm: Annotated[float, Meta(ge=0, le=20_000)]
    trip_fuel_ml: Count | None = None
    trip_idle_s: Count | None = None
    ignition_on: bool | None = None
    odometer_m: Count | None = None
    latitude_deg: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude_deg: Annotated[float, Meta(ge=-180, le=180)] | None = None
    altitude_m: Annotated[float, Meta(ge=-500, le=9_000)] | None = None
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    acceleration_mps2: Annotated[float, Meta(ge=-50, le=50)] | None = None
    engine_load_pct: Share | None = None
    throttle_pct: Share | None = None
    manifold_kpa: Annotated[float, Meta(ge=0, le=500)] | None = None
    air_flow_gps: Annotated[float, Meta(ge=0, le=1_500)] | None = None
    intake_air_c: Air | None = None
    ambient_air_c: Air | None = None
    coolant_c: Annotated[float, Meta(ge=-60, le=215)] | None = None
    oil_c: Annotated[float, Meta(ge=-60, le=250)] | None = None
    oil_pressure_kpa: Annotated[float, Meta(ge=0, le=1_500)] | None = None
    oil_level: OilLevel | None = None
    battery_v: Annotated[float, Meta(ge=0, le=60)] | None = None
    fuel_level_pct: Share | None = None
    short_fuel_trim_pct: Trim | None = None
    long_fuel_trim_pct: Trim | None = None
    misfires: Count | None = None
    """Misfires in the last 1,000 engine revolutions (the block of SAE J1979 monitors)."""
    tyre_pressures_kpa: TyrePressures | None = None
    """Front left, front right, rear left, rear right."""
    trouble_codes: Annotated[tuple[TroubleCode, ...], Meta(max_length=MOST_TROUBLE_CODES)] | None = None
    """Active diagnostic trouble codes (SAE J2012), such as `P0217`; empty when there is none."""


def has_ended_trip(reading: Reading) -> bool:
    """Tell whether nothing more need be heard of this trip: ignition off, or standing with the engine stopped."""
    return reading.ignition_on is False or (reading.engine_rpm == 0 and reading.speed_kmh == 0)


def event_time_ms(reading: Reading, received_at_ms: int) -> int:
    """Give the time that durations are measured in: the car's clock, never ahead of the broker's."""
    return min(reading.recorded_at_ms, received_at_ms)
