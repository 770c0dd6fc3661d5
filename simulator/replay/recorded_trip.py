"""A recording as a trip of the contract: counters integrated from speed and from speed-density air flow. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from contracts.definitions import PETROL_G_PER_L, litres_per_100km
from contracts.errors import InvalidInput
from contracts.reading import Reading
from contracts.vehicle import Vehicle
from simulator.duration import seconds
from simulator.physics.engine import air_flow_gps
from simulator.readings.counters import sequence_base
from simulator.replay.recording import EQUIVALENCE, SIGNALS, Recording
from simulator.vehicles.fleet import Floats
from simulator.vehicles.vin import with_check_digit

DISPLACEMENT_L: Final = 1.496
STOICHIOMETRIC_E27: Final = 13.1
"""Grams of air a gram of the recorded car's fuel: Brazil's petrol with 27 % ethanol."""
CAR: Final = Vehicle(
    vehicle_id=with_check_digit("0CCBD0000E0000001"),
    make="Toyota",
    model="Etios",
    year=2014,
    fleet="recordings",
    displacement_l=DISPLACEMENT_L,
)
_LONGEST_STEP_S: Final = 5.0
"""A gap in the recording counts as this long at most when rates are integrated over it."""


@dataclass(frozen=True, slots=True)
class Override:
    """A signal that reads `value` from `from_s` seconds into a trip, for `for_s` seconds."""

    signal: str
    value: float
    from_s: float
    for_s: float


def parse_override(text: str) -> Override:
    """Read `coolant_c=112@120s+10s`. Raises InvalidInput that shows the form."""
    try:
        signal, rest = text.split("=", 1)
        value, span = rest.split("@", 1)
        begin, length = (seconds(part) for part in span.split("+", 1))
        override = Override(signal.strip(), float(value), float(str(begin)), float(str(length)))
    except ValueError as error:
        raise InvalidInput(f"--set {text}: write it as coolant_c=112@120s+10s") from error
    if override.signal not in SIGNALS.values():
        raise InvalidInput(f"--set {text}: {override.signal} is not recorded; there are {', '.join(SIGNALS.values())}")
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
    def fuel_ml(self) -> int:
        """What it burnt."""
        return self.readings[-1].trip_fuel_ml or 0

    @property
    def litres_per_100km(self) -> float | None:
        """What it burnt for the distance; None for a car that stood."""
        return litres_per_100km(self.distance_m, self.fuel_ml)


def fuel_mlps(columns: dict[str, Floats], air_gps: Floats) -> Floats:
    """Give millilitres of fuel a second: air / (AFR * equivalence ratio), corrected by both trims.

    The recorded ratio is 0 where the car did not tell it; then it is taken as 1.
    """
    ratio = columns.get(EQUIVALENCE, np.zeros_like(air_gps))
    trims = 1 + (columns["SHORT_TERM_FUEL_TRIM_BANK_1"] + columns["LONG_TERM_FUEL_TRIM_BANK_1"]) / 100
    return np.asarray(air_gps / (STOICHIOMETRIC_E27 * np.where(ratio > 0, ratio, 1)) * trims / PETROL_G_PER_L * 1000)


def integrated(rate: Floats, elapsed_s: Floats) -> Floats:
    """Integrate a rate a second by trapezoids; zero at the first row."""
    steps = np.minimum(np.diff(elapsed_s), _LONGEST_STEP_S) * (rate[1:] + rate[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)])


def recorded_trip(
    recording: Recording, *, vehicle_id: str, started_at_ms: int, overrides: Iterable[Override] = ()
) -> RecordedTrip:
    """Make the trip that began at `started_at_ms`; counters come from the recording as it was, before overrides."""
    columns, elapsed_s = recording.columns, recording.elapsed_s
    speed_kmh, rpm = columns["VEHICLE_SPEED"], columns["ENGINE_RPM"]
    manifold_kpa, intake_c = columns["INTAKE_MANIFOLD_PRESSURE"], columns["INTAKE_AIR_TEMP"]
    air_gps = air_flow_gps(rpm, manifold_kpa, intake_c, np.array(DISPLACEMENT_L))
    is_idling = (rpm > 0) & (speed_kmh == 0)
    signals: dict[str, Any] = {ours: columns[theirs].copy() for theirs, ours in SIGNALS.items()}
    for override in overrides:
        is_set = (elapsed_s >= override.from_s) & (elapsed_s <= override.from_s + override.for_s)
        signals[override.signal][is_set] = override.value
    signals = {name: np.round(values, 3).tolist() for name, values in signals.items()}
    signals |= {
        "trip_distance_m": _whole(integrated(speed_kmh / 3.6, elapsed_s)),
        "trip_fuel_ml": _whole(integrated(fuel_mlps(columns, air_gps), elapsed_s)),
        "trip_idle_s": _whole(integrated(is_idling.astype(np.float64), elapsed_s)),
        "air_flow_gps": np.round(air_gps, 3).tolist(),
        "recorded_at_ms": _whole(started_at_ms + elapsed_s * 1000),
    }
    base = sequence_base(started_at_ms)
    readings = [
        Reading(
            vehicle_id=vehicle_id,
            sequence=base + row,
            trip_started_at_ms=started_at_ms,
            **{name: values[row] for name, values in signals.items()},
        )
        for row in range(len(recording))
    ]
    return RecordedTrip(recording, [*readings, _ignition_off(readings[-1])])


def _whole(values: Floats) -> list[int]:
    whole: list[int] = np.floor(values).astype(np.int64).tolist()
    return whole


def _ignition_off(last: Reading) -> Reading:
    """Give the reading that ends the trip, half a second after the last: recordings end with the engine running."""
    return msgspec.structs.replace(
        last,
        sequence=last.sequence + 1,
        recorded_at_ms=last.recorded_at_ms + 490,
        ignition_on=False,
        speed_kmh=0.0,
        engine_rpm=0.0,
        engine_load_pct=0.0,
        air_flow_gps=0.0,
    )
