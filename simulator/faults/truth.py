"""The truth about injected faults: a file of JSON lines that no program of the pipeline reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from contracts.errors import InvalidInput
from contracts.files import locked, replacing
from simulator.faults.fault import EXPECTED_RULE, Fault
from simulator.vehicles.fleet import Fleet


class TruthLine(msgspec.Struct, frozen=True):
    """One fault; times are epoch milliseconds of the car's clock, `ended_at_ms` is null while the fault is open.

    `severity` is the worst reached, 0 to 1; `rule` the rule of the rule file that is expected to fire, null where
    none must; `reached_at_ms` when that rule's published condition had held for its duration, null while it has not.
    """

    vehicle_id: str
    fault: str
    started_at_ms: int
    ended_at_ms: int | None
    severity: float
    rule: str | None
    reached_at_ms: int | None = None


def truth_line(fault: Fault, fleet: Fleet, *, off_ms: int = 0) -> TruthLine:
    """Describe a fault for the file; `off_ms` is by how much the event time that rules see differs from the true."""
    return TruthLine(
        vehicle_id=fleet.vehicle_id[fault.vehicle].decode(),
        fault=fault.kind,
        started_at_ms=fault.started_at_ms + off_ms,
        ended_at_ms=None if fault.ended_at_ms is None else fault.ended_at_ms + off_ms,
        reached_at_ms=None if fault.reached_at_ms is None else fault.reached_at_ms + off_ms,
        severity=round(fault.severity, 3),
        rule=EXPECTED_RULE[fault.kind],
    )


def read_truth(file: Path) -> list[TruthLine]:
    """Read a file of truths. Raises InvalidInput that names file, line and remedy."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise InvalidInput(
            f"{file}: cannot be read ({error.strerror}); name the file that `simulator run --truth` wrote"
        ) from error
    return [_line(file, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _line(file: Path, number: int, line: bytes) -> TruthLine:
    try:
        return msgspec.json.decode(line, type=TruthLine)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{file}:{number}: no truth about a fault ({error}); take the line out, or write the file anew"
        ) from error


class TruthFile:
    """This run's faults, one line each, rewritten as they change; whatever else the file holds stays."""

    def __init__(self, file: Path | None) -> None:
        """Make the file if there is none; without a name nothing is ever written. Raises InvalidInput."""
        self._file = file
        self._own = b""
        self.write([])

    def write(self, lines: list[TruthLine]) -> None:
        """Replace this run's lines, atomically. Raises InvalidInput."""
        if self._file is None:
            return
        own = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        with _told(self._file), locked(self._file):
            others = self._others(self._file)
            with replacing(self._file) as out:
                out.write(others + own)
        self._own = own

    def _others(self, file: Path) -> bytes:
        """Return what the file holds besides this run's lines; another run may have written meanwhile."""
        held = file.read_bytes() if file.exists() else b""
        before, _, after = held.partition(self._own) if self._own else (held, b"", b"")
        return before + after


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be written ({error.strerror}); name another file by --truth") from error
