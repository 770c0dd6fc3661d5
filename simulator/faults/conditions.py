"""When a fault can first be expected to be found: its rule's published condition, held for its duration, as the car
saw it. Stated here a second time and on purpose, so that the score does not ask the rules about themselves.
"""  # noqa: D205 - one sentence

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.faults.fault import Fault, FaultKind
from simulator.readings.columns import ReadingColumns
from simulator.vehicles.fleet import Floats, Integers

Held = NDArray[np.bool_]
_LONGEST_GAP_MS: Final = 10_000
_SILENT_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold at every reading for `for_s` seconds; sources are those of the rule file."""

    for_s: float
    holds: Callable[[ReadingColumns, Floats], Held]
    """Of readings, and of each one's placard tyre pressure in kPa."""


def _over_temperature(seen: ReadingColumns, _: Floats) -> Held:
    return _at(seen, "coolant_c") >= 110  # noqa: PLR2004 - the maker's figure, here and below


def _below_thermostat(seen: ReadingColumns, _: Floats) -> Held:
    trip_ms = _at(seen, "recorded_at_ms") - _at(seen, "trip_started_at_ms")
    is_cold = (_at(seen, "coolant_c") < 75) & (_at(seen, "ambient_air_c") > 0)  # noqa: PLR2004
    return (trip_ms >= 1_200_000) & (_at(seen, "speed_kmh") >= 40) & is_cold  # noqa: PLR2004


def _low_oil_pressure(seen: ReadingColumns, _: Floats) -> Held:
    return (_at(seen, "engine_rpm") >= 1500) & (_at(seen, "oil_pressure_kpa") < 140)  # noqa: PLR2004


def _low_voltage(seen: ReadingColumns, _: Floats) -> Held:
    is_driving = (_at(seen, "engine_rpm") > 1200) & (_at(seen, "speed_kmh") > 8)  # noqa: PLR2004
    return is_driving & (_at(seen, "battery_v") < 11)  # noqa: PLR2004


def _lean(seen: ReadingColumns, _: Floats) -> Held:
    is_warm = (_at(seen, "coolant_c") > 73) & (_at(seen, "engine_rpm") >= 500)  # noqa: PLR2004
    return is_warm & (_at(seen, "short_fuel_trim_pct") >= 50)  # noqa: PLR2004


def _soft_tyre(seen: ReadingColumns, placard_kpa: Floats) -> Held:
    return np.asarray(seen.values["tyre_pressures_kpa"].min(axis=1) < 0.75 * placard_kpa)


def _misfire_code(seen: ReadingColumns, _: Floats) -> Held:
    return np.array([row in seen.trouble_codes for row in range(len(seen))], dtype=np.bool_)


CONDITIONS: Final[dict[FaultKind, Condition]] = {
    "coolant_leak": Condition(5, _over_temperature),
    "alternator_failure": Condition(5, _low_voltage),
    "oil_loss": Condition(30, lambda seen, _: _at(seen, "oil_level") > 0),
    "slow_puncture": Condition(60, _soft_tyre),
    "misfire": Condition(2, _misfire_code),
    "stuck_thermostat": Condition(60, _below_thermostat),
    "oil_pump_wear": Condition(30, _low_oil_pressure),
    "lean_mixture": Condition(40, _lean),
    "fuel_leak": Condition(120, lambda seen, _: _at(seen, "fuel_level_pct") < 5),  # noqa: PLR2004
    "sensor_stuck": Condition(5, lambda seen, _: _at(seen, "coolant_c") <= -39),  # noqa: PLR2004
}
"""Silence is judged by time alone; a glitch and noise reach nothing."""


def _at(seen: ReadingColumns, signal: str) -> Floats:
    return np.asarray(seen.values[signal])


class Witness:
    """Follows open faults reading by reading, and notes when each has reached its rule's condition."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._since_ms: dict[tuple[int, int], int] = {}
        self._seen_ms: dict[tuple[int, int], int] = {}

    def see(
        self, faults: list[Fault], readings: ReadingColumns, rows: Integers, placard_kpa: Floats, now_ms: int
    ) -> None:
        """Look at the readings of cars `rows` (one each; `placard_kpa` is of all cars) made at `now_ms`."""
        faults = [fault for fault in faults if fault.reached_at_ms is None]
        if not faults:
            return
        place = np.full(len(placard_kpa), -1)
        place[rows] = np.arange(len(rows))
        by_kind: dict[FaultKind, list[Fault]] = {}
        for fault in faults:
            if fault.kind == "telematics_silence" and now_ms - fault.started_at_ms >= _SILENT_MS:
                fault.reached_at_ms = now_ms
            elif place[fault.vehicle] >= 0 and fault.kind in CONDITIONS:
                by_kind.setdefault(fault.kind, []).append(fault)
        for kind, some in by_kind.items():
            seen = readings.take(place[[fault.vehicle for fault in some]])
            holds = CONDITIONS[kind].holds(seen, placard_kpa[[fault.vehicle for fault in some]])
            for fault, held in zip(some, holds.tolist(), strict=True):
                self._note(fault, now_ms, CONDITIONS[kind].for_s, is_held=held)

    def _note(self, fault: Fault, now_ms: int, for_s: float, *, is_held: bool) -> None:
        key = (fault.vehicle, fault.started_at_ms)
        if not is_held:
            self._since_ms.pop(key, None)
            return
        if now_ms - self._seen_ms.get(key, now_ms) > _LONGEST_GAP_MS:
            self._since_ms.pop(key, None)
        self._seen_ms[key] = now_ms
        since_ms = self._since_ms.setdefault(key, now_ms)
        if now_ms - since_ms >= for_s * 1000:
            fault.reached_at_ms = now_ms
            del self._since_ms[key]
