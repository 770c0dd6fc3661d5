"""Faults: onset, growth, repair, and the truth about them. They change a car's state and signals, never an alert."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from simulator.vehicles.fleet import Floats, Integers

FaultKind = Literal[
    "coolant_leak",
    "alternator_failure",
    "oil_loss",
    "slow_puncture",
    "misfire",
    "stuck_thermostat",
    "oil_pump_wear",
    "lean_mixture",
    "fuel_leak",
    "sensor_stuck",
    "sensor_noisy",
    "glitch",
    "telematics_silence",
]
FAULT_KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
EXPECTED_RULE: Final[dict[FaultKind, str | None]] = {
    "coolant_leak": "coolant_over_temperature",
    "alternator_failure": "system_voltage_low",
    "oil_loss": "oil_level_low",
    "slow_puncture": "tyre_pressure_low",
    "misfire": "misfire_code",
    "stuck_thermostat": "coolant_below_thermostat",
    "oil_pump_wear": "oil_pressure_low",
    "lean_mixture": "mixture_lean",
    "fuel_leak": "fuel_low",
    "sensor_stuck": "coolant_sensor_open",
    "sensor_noisy": None,
    "glitch": None,
    "telematics_silence": "telematics_silence",
}
"""The rule of the rule file that is expected to fire, None where nothing must be raised; it is written into the truth
and used for nothing else."""
_SHARES: Final = np.cumsum([0.36, 0.36, 0.05, 0.04, 0.06, 0.005, 0.02, 0.03, 0.02, 0.02, 0.01, 0.02, 0.005])
_WARM_C: Final = 75.0
_GLITCH_MS: Final = 1
_SOONEST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault of a script: it begins when the car first drives at or after `start_s` (a leak: once it is warm)."""

    vehicle: int
    kind: FaultKind
    start_s: float
    growth_s: float
    repair_s: float | None
    """From full growth to repair; None: never."""
    severity: float = 1.0


@dataclass(slots=True)
class Fault:
    """One fault of one car; times are epoch milliseconds of the simulation, severity is 0 to 1, the worst reached."""

    vehicle: int
    kind: FaultKind
    started_at_ms: int
    repair_due_ms: int | None
    growth_ms: float
    ended_at_ms: int | None = None
    severity: float = 0.0
    full_severity: float = 1.0
    reached_at_ms: int | None = None
    """When the condition that makers set for its rule had held for its duration; None: not yet."""
    script: int | None = None
    """Which fault of a script it is, where one is told in several pieces."""

    def grow(self, now_ms: int) -> float:
        """Give the severity now; a glitch and a silence are whole at once."""
        is_sudden = self.kind in ("glitch", "telematics_silence")
        grown = 1.0 if is_sudden else min((now_ms - self.started_at_ms) / self.growth_ms, 1.0)
        self.severity = grown * self.full_severity
        return self.severity


class Faults:
    """All faults of a fleet so far. A car has one drawn fault at a time; it stays through parking until repaired."""

    def __init__(
        self,
        cars: int,
        *,
        per_vehicle_hour: float,
        growth_s: float,
        repair_s: float,
        script: Iterable[PlannedFault] = (),
    ) -> None:
        """Begin with healthy cars. A fault is full grown after `growth_s` and repaired up to twice `repair_s` later."""
        self.history: list[Fault] = []
        self.reach_s = np.full(cars, growth_s)
        """How soon a leak boils each car's coolant."""
        self._growth_s = growth_s
        self._per_vehicle_s = per_vehicle_hour / 3600
        self._repair_s = repair_s
        self._planned = sorted(script, key=lambda planned: planned.start_s)
        self._start_ms: int | None = None
        self._planted: list[Fault] = []
        self._open: dict[tuple[int, FaultKind], Fault] = {}
        self.severity: dict[FaultKind, Floats] = {kind: np.zeros(cars) for kind in FAULT_KINDS}

    @property
    def open(self) -> list[Fault]:
        """The faults that are not repaired."""
        return list(self._open.values())

    @property
    def waiting(self) -> list[PlannedFault]:
        """The faults that begin once their cars drive."""
        return list(self._planned)

    def plan(self, planned: PlannedFault) -> None:
        """Add a fault to those that wait."""
        self._planned = sorted([*self._planned, planned], key=lambda one: one.start_s)

    def clear(self, vehicle: int, kind: FaultKind, now_ms: int) -> bool:
        """Repair a fault, or forget one that waits; tell whether there was one."""
        if (fault := self._open.get((vehicle, kind))) is not None:
            self._end(fault, now_ms)
            return True
        left = [planned for planned in self._planned if (planned.vehicle, planned.kind) != (vehicle, kind)]
        is_found = len(left) < len(self._planned)
        self._planned = left
        return is_found

    def advance(
        self, now_ms: int, *, dt_s: float, driving: Integers, coolant_c: Floats, random: np.random.Generator
    ) -> bool:
        """Repair what is due, let the rest grow, begin planned faults and draw new ones; tell whether any changed."""
        due = [f for f in self._open.values() if f.repair_due_ms is not None and now_ms >= f.repair_due_ms]
        for fault in due:
            self._end(fault, now_ms)
        is_planned = self._begin_planned(now_ms, driving, coolant_c) | self._begin_planted(now_ms, driving)
        is_drawn = self._draw(now_ms, dt_s, driving, coolant_c, random)
        for fault in self._open.values():
            self.severity[fault.kind][fault.vehicle] = fault.grow(now_ms)
        return bool(due) or is_planned or is_drawn

    def plant(self, faults: Iterable[Fault]) -> None:
        """Let these begin at their own time, each on a car that drives then."""
        self._planted = sorted([*self._planted, *faults], key=lambda fault: fault.started_at_ms)

    def _begin_planted(self, now_ms: int, driving: Integers) -> bool:
        due = list(itertools.takewhile(lambda fault: fault.started_at_ms <= now_ms, self._planted))
        if not due:
            return False
        self._planted = self._planted[len(due) :]
        on_road = set(driving.tolist())
        for fault in due:
            key = (fault.vehicle, fault.kind)
            if fault.vehicle in on_road and key not in self._open:
                self._open[key] = fault
                self.history.append(fault)
                self._note_reach(fault)
        return True

    def _end(self, fault: Fault, now_ms: int) -> None:
        fault.ended_at_ms = now_ms
        self.severity[fault.kind][fault.vehicle] = 0
        del self._open[fault.vehicle, fault.kind]

    def _begin_planned(self, now_ms: int, driving: Integers, coolant_c: Floats) -> bool:
        self._start_ms = now_ms if self._start_ms is None else self._start_ms
        due_s = (now_ms - self._start_ms) / 1000
        if not self._planned or self._planned[0].start_s > due_s:
            return False
        on_road = set(driving.tolist())
        begun = [
            planned
            for planned in self._planned
            if planned.start_s <= due_s
            and planned.vehicle in on_road
            and (planned.vehicle, planned.kind) not in self._open
            and _can_begin(planned.kind, coolant_c[planned.vehicle])
        ]
        for planned in begun:
            self._planned.remove(planned)
            repair_ms = None if planned.repair_s is None else round((planned.growth_s + planned.repair_s) * 1000)
            self._begin(
                planned.vehicle, planned.kind, now_ms, repair_ms, growth_s=planned.growth_s, severity=planned.severity
            )
        return bool(begun)

    def _draw(
        self, now_ms: int, dt_s: float, driving: Integers, coolant_c: Floats, random: np.random.Generator
    ) -> bool:
        if not self._per_vehicle_s or not len(driving):
            return False
        unlucky = driving[random.random(len(driving)) < self._per_vehicle_s * dt_s].tolist()
        ill = {vehicle for vehicle, _ in self._open}
        count = len(self.history)
        for vehicle in unlucky:
            u = random.random(2)
            kind = FAULT_KINDS[int(np.searchsorted(_SHARES, u[0] * _SHARES[-1]))]
            if vehicle not in ill and _can_begin(kind, coolant_c[vehicle]):
                repair_ms = int((self._growth_s + self._repair_s * (1 + u[1])) * 1000)
                self._begin(vehicle, kind, now_ms, repair_ms, growth_s=self._growth_s)
        return len(self.history) > count

    def _begin(
        self,
        vehicle: int,
        kind: FaultKind,
        now_ms: int,
        repair_ms: int | None,
        *,
        growth_s: float,
        severity: float = 1.0,
    ) -> None:
        if kind == "glitch":  # one reading of it
            repair_ms = _GLITCH_MS
        repair_due_ms = None if repair_ms is None else now_ms + repair_ms
        fault = Fault(vehicle, kind, now_ms, repair_due_ms, growth_s * 1000, full_severity=severity)
        self._open[vehicle, kind] = fault
        self.history.append(fault)
        self._note_reach(fault)

    def _note_reach(self, fault: Fault) -> None:
        if fault.kind == "coolant_leak":
            self.reach_s[fault.vehicle] = max(fault.growth_ms / 1000, _SOONEST_S)


def _can_begin(kind: FaultKind, coolant_c: float) -> bool:
    """Tell whether the car can fall ill of it now: a leak shows only once there is pressure in the system."""
    return kind != "coolant_leak" or coolant_c >= _WARM_C
