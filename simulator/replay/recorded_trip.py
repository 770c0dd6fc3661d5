"""A recording as a trip of the contract; counters that it lacks are integrated from what it has. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from contracts.definitions import PETROL_G_PER_L, litres_per_100km
from contracts.errors import InvalidInput
from contracts.reading import Reading
from observability.duration import seconds
from simulator.physics.engine import air_flow_gps
from simulator.readings.counters import sequence_base
from simulator.replay.mapping import Mapping
from simulator.replay.recording import Recording, held
from simulator.replay.units import COUNTERS, NOT_SENT, WHOLE
from simulator.vehicles.fleet import Floats

_LONGEST_STEP_S: Final = 5.0
"""A gap in the recording counts as this long at most when rates are integrated over it."""
_LAST_STEP_MS: Final = 490


@dataclass(frozen=True, slots=True)
class Override:
    """A signal that reads `value` from `from_s` seconds into a trip, for `for_s` seconds."""

    signal: str
    value: float
    from_s: float
    for_s: float


def parse_override(text: str, mapping: Mapping) -> Override:
    """Read `coolant_c=112@120s+10s`. Raises InvalidInput that shows the form."""
    try:
        signal, rest = text.split("=", 1)
        value, span = rest.split("@", 1)
        begin, length = (seconds(part) for part in span.split("+", 1))
        override = Override(signal.strip(), float(value), float(str(begin)), float(str(length)))
    except ValueError as error:
        raise InvalidInput(f"--set {text}: write it as coolant_c=112@120s+10s") from error
    recorded = [name for name in mapping.signals if name not in {*COUNTERS, *NOT_SENT}]
    if override.signal not in recorded:
        raise InvalidInput(f"--set {text}: {override.signal} is not recorded; there are {', '.join(recorded)}")
    return override


@dataclass(frozen=True, slots=True)
class RecordedTrip:
    """A trip's readings, in order, the last with the ignition off."""

    recording: Recording
    readings: list[Reading]

    @property
    def duration_s(self) -> float:
        """How long the trip took."""
        return (self.readings[-1].recorded_at_ms - self.readings[0].recorded_at_ms) / 1000

    @property
    def distance_m(self) -> int:
        """How far the car drove."""
        return self.readings[-1].trip_distance_m

    @property
    def fuel_ml(self) -> int | None:
        """What it burnt; None where the recording does not tell."""
        return self.readings[-1].trip_fuel_ml

    @property
    def litres_per_100km(self) -> float | None:
        """What it burnt for the distance; None for a car that stood, or whose fuel is not known."""
        return None if self.fuel_ml is None else litres_per_100km(self.distance_m, self.fuel_ml)


def air_gps(columns: dict[str, Floats], displacement_l: float | None) -> Floats | None:
    """Give grams of air a second, measured or by speed-density; None when neither can be had."""
    if "air_flow_gps" in columns:
        return columns["air_flow_gps"]
    if displacement_l is None or not {"manifold_kpa", "intake_air_c"} <= set(columns):
        return None
    manifold_kpa, intake_c = held(columns["manifold_kpa"]), held(columns["intake_air_c"])
    return air_flow_gps(columns["engine_rpm"], manifold_kpa, intake_c, np.array(displacement_l))


def fuel_mlps(columns: dict[str, Floats], air: Floats | None, stoichiometric: float) -> Floats | None:
    """Give millilitres of fuel a second: measured, or air / (AFR * equivalence ratio), corrected by both trims.

    A recorded ratio of 0, or none, is taken as 1. None when neither fuel nor air is known.
    """
    if "fuel_rate_mlps" in columns:
        return np.nan_to_num(held(columns["fuel_rate_mlps"]))
    if air is None:
        return None
    none = np.zeros(len(air))
    ratio = np.nan_to_num(held(columns.get("equivalence_ratio", none)))
    trims_pct = sum(np.nan_to_num(held(columns.get(f"{term}_fuel_trim_pct", none))) for term in ("short", "long"))
    rate = np.nan_to_num(held(air)) / (stoichiometric * np.where(ratio > 0, ratio, 1)) / PETROL_G_PER_L * 1000
    return np.asarray(rate * (1 + trims_pct / 100))


def integrated(rate: Floats, elapsed_s: Floats) -> Floats:
    """Integrate a rate a second by trapezoids; zero at the first row."""
    steps = np.minimum(np.diff(elapsed_s), _LONGEST_STEP_S) * (rate[1:] + rate[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)])


def recorded_trip(
    recording: Recording, mapping: Mapping, *, vehicle_id: str, started_at_ms: int, overrides: Iterable[Override] = ()
) -> RecordedTrip:
    """Make the trip that began at `started_at_ms`; counters come from the recording as it was, before overrides."""
    elapsed_s = recording.elapsed_s
    signals = {name: values.copy() for name, values in recording.columns.items() if name not in NOT_SENT}
    air = air_gps(recording.columns, None if mapping.vehicle is None else mapping.vehicle.displacement_l)
    if air is not None:
        signals["air_flow_gps"] = air
    signals |= _counters(recording, air, mapping.stoichiometric)
    for override in overrides:
        is_set = (elapsed_s >= override.from_s) & (elapsed_s <= override.from_s + override.for_s)
        signals[override.signal][is_set] = override.value
    fields = {name: _told(name, values) for name, values in signals.items()}
    recorded_at_ms: list[int] = np.floor(started_at_ms + elapsed_s * 1000).astype(np.int64).tolist()
    base = sequence_base(started_at_ms)
    readings = [
        Reading(
            vehicle_id=vehicle_id,
            sequence=base + row,
            recorded_at_ms=recorded_at_ms[row],
            trip_started_at_ms=started_at_ms,
            **{name: values[row] for name, values in fields.items()},
        )
        for row in range(len(recording))
    ]
    return RecordedTrip(recording, [*readings, _ignition_off(readings[-1])])


def _counters(recording: Recording, air: Floats | None, stoichiometric: float) -> dict[str, Floats]:
    """Integrate the counters that the recording has not itself."""
    columns, elapsed_s = recording.columns, recording.elapsed_s
    speed_kmh, rpm = columns["speed_kmh"], columns["engine_rpm"]
    is_idling = ((rpm > 0) & (speed_kmh == 0)).astype(np.float64)
    rates = {
        "trip_distance_m": speed_kmh / 3.6,
        "trip_fuel_ml": fuel_mlps(columns, air, stoichiometric),
        "trip_idle_s": is_idling,
    }
    return {
        name: integrated(rate, elapsed_s) for name, rate in rates.items() if rate is not None and name not in columns
    }


def _told(name: str, values: Floats) -> list[Any]:
    """Give a column as the contract has it: whole where it counts, None where nothing was measured."""
    if name in WHOLE:
        return [None if np.isnan(value) else int(value) for value in np.floor(values)]
    return [None if np.isnan(value) else value for value in np.round(values, 6 if name in _POSITION else 3).tolist()]


_POSITION: Final = frozenset({"latitude_deg", "longitude_deg"})


def _ignition_off(last: Reading) -> Reading:
    """Give the reading that ends the trip, half a second after the last: recordings end with the engine running."""
    return msgspec.structs.replace(
        last,
        sequence=last.sequence + 1,
        recorded_at_ms=last.recorded_at_ms + _LAST_STEP_MS,
        ignition_on=False,
        speed_kmh=0.0,
        engine_rpm=0.0,
        engine_load_pct=None if last.engine_load_pct is None else 0.0,
        air_flow_gps=None if last.air_flow_gps is None else 0.0,
        acceleration_mps2=None if last.acceleration_mps2 is None else 0.0,
    )
