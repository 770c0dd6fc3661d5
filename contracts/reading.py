"""A reading: what a car says about itself at one moment. Names and units follow COVESA VSS 6.0."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

READING_SCHEMA = b"vehicle-reading/1"
"""Value of the Kafka header `schema` on every reading."""

LARGEST_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""

Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)]
OilLevel = Literal["CRITICALLY_LOW", "LOW", "NORMAL", "HIGH", "CRITICALLY_HIGH"]
TyrePressures = tuple[float, float, float, float]


class Reading(msgspec.Struct, gc=False, omit_defaults=True):
    """One reading, fields in the order of the JSON (decoding is a fifth slower in any other order).

    Times are epoch milliseconds of the car's clock. `trip_*` are counters since the trip began, so that a reading
    may be lost, late, repeated or out of order and totals stay right. An absent signal is None.
    `gc=False` is safe: no field can hold a cycle.
    """

    vehicle_id: str
    sequence: Count
    recorded_at_ms: Count
    trip_started_at_ms: Count
    trip_distance_m: Count
    speed_kmh: float
    engine_rpm: float
    trip_fuel_ml: Count | None = None
    trip_idle_s: Count | None = None
    ignition_on: bool | None = None
    odometer_m: Count | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    heading_deg: float | None = None
    acceleration_mps2: float | None = None
    engine_load_pct: float | None = None
    throttle_pct: float | None = None
    manifold_kpa: float | None = None
    air_flow_gps: float | None = None
    intake_air_c: float | None = None
    ambient_air_c: float | None = None
    coolant_c: float | None = None
    oil_c: float | None = None
    oil_pressure_kpa: float | None = None
    oil_level: OilLevel | None = None
    battery_v: float | None = None
    fuel_level_pct: float | None = None
    short_fuel_trim_pct: float | None = None
    long_fuel_trim_pct: float | None = None
    misfires: Count | None = None
    """Misfires in the last 1,000 engine revolutions (the block of SAE J1979 monitors)."""
    tyre_pressures_kpa: TyrePressures | None = None
    """Front left, front right, rear left, rear right."""
    trouble_codes: tuple[str, ...] | None = None
    """Active diagnostic trouble codes (SAE J2012), such as `P0217`."""


def has_ended_trip(reading: Reading) -> bool:
    """Tell whether nothing more need be heard of this trip: ignition off, or standing with the engine stopped."""
    return reading.ignition_on is False or (reading.engine_rpm == 0 and reading.speed_kmh == 0)


def event_time_ms(reading: Reading, received_at_ms: int) -> int:
    """Give the time that durations are measured in: the car's clock, never ahead of the broker's."""
    return min(reading.recorded_at_ms, received_at_ms)
