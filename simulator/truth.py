"""The truth about injected faults: a file of JSON lines that no program of the pipeline reads."""

from __future__ import annotations

from pathlib import Path

import msgspec

from simulator.faults import EXPECTED_RULE, Fault
from simulator.fleet import Fleet


class TruthLine(msgspec.Struct, frozen=True):
    """One fault; times are epoch milliseconds of the car's clock, `ended_at_ms` is null while the fault is open.

    `severity` is the worst reached, 0 to 1; `rule` the rule of the rule file that is expected to fire.
    """

    vehicle_id: str
    fault: str
    started_at_ms: int
    ended_at_ms: int | None
    severity: float
    rule: str


def truth_line(fault: Fault, fleet: Fleet) -> TruthLine:
    """Describe a fault for the file."""
    return TruthLine(
        vehicle_id=fleet.vehicle_id[fault.vehicle].decode(),
        fault=fault.kind,
        started_at_ms=fault.started_at_ms,
        ended_at_ms=fault.ended_at_ms,
        severity=round(fault.severity, 3),
        rule=EXPECTED_RULE[fault.kind],
    )


class TruthFile:
    """What the file held before stays; below it stand this run's faults, one line each, rewritten as they change."""

    def __init__(self, file: Path | None) -> None:
        """Read what is there; without a file nothing is ever written."""
        self._file = file
        self._before = file.read_bytes() if file is not None and file.exists() else b""

    def write(self, lines: list[TruthLine]) -> None:
        """Replace this run's lines, atomically."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_name(self._file.name + ".new")
        beside.write_bytes(self._before + b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        beside.replace(self._file)
