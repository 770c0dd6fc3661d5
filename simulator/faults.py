"""Faults: onset, growth, repair, and the truth about them. They change a car's state and signals, never an alert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from simulator.fleet import Floats, Integers

FaultKind = Literal["coolant_leak", "alternator_failure", "oil_loss", "slow_puncture", "misfire"]
FAULT_KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
EXPECTED_RULE: Final[dict[FaultKind, str]] = {
    "coolant_leak": "coolant_over_temperature",
    "alternator_failure": "system_voltage_low",
    "oil_loss": "oil_level_low",
    "slow_puncture": "tyre_pressure_low",
    "misfire": "misfire_code",
}
"""The rule of the rule file that is expected to fire; it is written into the truth and used for nothing else."""
_SHARES: Final = np.cumsum([0.4, 0.4, 0.06, 0.06, 0.08])
_WARM_C: Final = 75.0


@dataclass(slots=True)
class Fault:
    """One fault of one car; times are epoch milliseconds of the car's clock, severity is 0 to 1, the worst reached."""

    vehicle: int
    kind: FaultKind
    started_at_ms: int
    repair_due_ms: int
    ended_at_ms: int | None = None
    severity: float = 0.0


class Faults:
    """All faults of a fleet so far. A car has one at a time; it stays through parking until it is repaired."""

    def __init__(self, cars: int, *, per_vehicle_hour: float, growth_s: float, repair_s: float) -> None:
        """Begin with healthy cars. A fault is full grown after `growth_s` and repaired up to twice `repair_s` later."""
        self.history: list[Fault] = []
        self.growth_s = growth_s
        self._per_vehicle_s = per_vehicle_hour / 3600
        self._repair_s = repair_s
        self._open: dict[int, Fault] = {}
        self.severity: dict[FaultKind, Floats] = {kind: np.zeros(cars) for kind in FAULT_KINDS}

    def advance(
        self, now_ms: int, *, dt_s: float, driving: Integers, coolant_c: Floats, random: np.random.Generator
    ) -> bool:
        """Repair what is due, let the rest grow, and draw new faults; tell whether one began or ended."""
        repaired = [fault for fault in self._open.values() if now_ms >= fault.repair_due_ms]
        for fault in repaired:
            self._end(fault, now_ms)
        drawn = self._draw(now_ms, dt_s, driving, coolant_c, random)
        for fault in self._open.values():
            fault.severity = min((now_ms - fault.started_at_ms) / (self.growth_s * 1000), 1.0)
            self.severity[fault.kind][fault.vehicle] = fault.severity
        return bool(repaired) or drawn

    def _end(self, fault: Fault, now_ms: int) -> None:
        fault.ended_at_ms = now_ms
        self.severity[fault.kind][fault.vehicle] = 0
        del self._open[fault.vehicle]

    def _draw(
        self, now_ms: int, dt_s: float, driving: Integers, coolant_c: Floats, random: np.random.Generator
    ) -> bool:
        if not self._per_vehicle_s or not len(driving):
            return False
        unlucky = driving[random.random(len(driving)) < self._per_vehicle_s * dt_s].tolist()
        begun = [vehicle for vehicle in unlucky if self._begin(vehicle, now_ms, coolant_c[vehicle], random.random(2))]
        return bool(begun)

    def _begin(self, vehicle: int, now_ms: int, coolant_c: float, u: Floats) -> bool:
        kind = FAULT_KINDS[int(np.searchsorted(_SHARES, u[0] * _SHARES[-1]))]
        if vehicle in self._open or (kind == "coolant_leak" and coolant_c < _WARM_C):
            return False  # a leak shows only once there is pressure in the system
        repair_due_ms = now_ms + int((self.growth_s + self._repair_s * (1 + u[1])) * 1000)
        self._open[vehicle] = Fault(vehicle, kind, now_ms, repair_due_ms)
        self.history.append(self._open[vehicle])
        return True
