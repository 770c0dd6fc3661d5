"""carOBD recordings: CSV files of a real car's OBD-II signals, read with every trap they hold.

Names end in ` ()`; most rows end in a surplus comma; the clock counts whole seconds; a last row may be cut off.
Source: eron93br/carOBD, "Detecting Anomalies in the Engine Coolant Sensor Using One-Class Classifiers", SMC 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from contracts.errors import InvalidInput
from simulator.vehicles.fleet import Floats

CLOCK: Final = "ENGINE_RUN_TINE"
"""Sic: the recordings misspell it."""
SIGNALS: Final[dict[str, str]] = {
    "ENGINE_RPM": "engine_rpm",
    "VEHICLE_SPEED": "speed_kmh",
    "ENGINE_LOAD": "engine_load_pct",
    "THROTTLE": "throttle_pct",
    "INTAKE_MANIFOLD_PRESSURE": "manifold_kpa",
    "INTAKE_AIR_TEMP": "intake_air_c",
    "COOLANT_TEMPERATURE": "coolant_c",
    "CONTROL_MODULE_VOLTAGE": "battery_v",
    "FUEL_TANK": "fuel_level_pct",
    "SHORT_TERM_FUEL_TRIM_BANK_1": "short_fuel_trim_pct",
    "LONG_TERM_FUEL_TRIM_BANK_1": "long_fuel_trim_pct",
}
"""The recording's names and the contract's."""
EQUIVALENCE: Final = "FUEL_AIR_COMMANDED_EQUIV_RATIO"
ROW_S: Final = 0.49
"""Between two rows; used where the clock does not tell: before the engine starts and after its last change."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: seconds since its first row, rising, and the columns by the recording's own names."""

    file: Path
    elapsed_s: Floats
    columns: dict[str, Floats]
    truncated_rows: int

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.elapsed_s)


def read_recording(file: Path) -> Recording:
    """Read a recording. Raises InvalidInput with file, line and reason when it cannot be trusted."""
    names, lines = _header_and_lines(file)
    rows: list[list[float]] = []
    truncated = 0
    for at, (number, line) in enumerate(lines):
        try:
            rows.append(_row(line, names))
        except ValueError as error:
            # Only a last row may be cut off, and only where the rows before it were whole.
            if at < len(lines) - 1 or not rows:
                raise InvalidInput(f"{file}, line {number}: {error}; the file is not sent") from error
            truncated = 1
    if not rows:
        raise InvalidInput(f"{file}, line 1: no rows follow the header; the file is not sent")
    table = np.array(rows)
    columns = {name: table[:, column] for column, name in enumerate(names)}
    elapsed_s = elapsed(columns[CLOCK])
    if not (np.diff(elapsed_s) > 0).all():
        backwards = lines[int(np.flatnonzero(np.diff(elapsed_s) <= 0)[0]) + 1][0]
        raise InvalidInput(f"{file}, line {backwards}: the clock {CLOCK} runs backwards; the file is not sent")
    return Recording(file, elapsed_s, columns, truncated)


def _header_and_lines(file: Path) -> tuple[list[str], list[tuple[int, str]]]:
    try:
        text = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: cannot be read as text: {error}") from error
    names = [name.strip().removesuffix("()").strip() for name in text[0].split(",")] if text else []
    missing = [name for name in (CLOCK, *SIGNALS) if name not in names]
    if missing:
        raise InvalidInput(f"{file}, line 1: not a carOBD header, {', '.join(missing)} missing; the file is not sent")
    return names, [(number, line) for number, line in enumerate(text[1:], start=2) if line.strip()]


def _row(line: str, names: list[str]) -> list[float]:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) == len(names) + 1 and not fields[-1]:
        fields.pop()  # the surplus comma
    if len(fields) != len(names):
        raise ValueError(f"{len(fields)} fields where the header names {len(names)}")
    values = [float(field) for field in fields]
    if not all(map(math.isfinite, values)):
        raise ValueError("a field is no finite number")
    return values


def elapsed(clock_s: Floats) -> Floats:
    """Give seconds since the first row from a clock in whole seconds, neighbouring rows often being equal.

    Rows of one second are spread evenly until the clock's next value. The first value, at which the engine has not
    started, and the last have no such span: there rows lie ROW_S apart.
    """
    begins = np.flatnonzero(np.diff(clock_s, prepend=clock_s[0] - 1))
    counts = np.diff(begins, append=len(clock_s))
    spans = np.diff(clock_s[begins], append=clock_s[-1] + ROW_S * counts[-1])
    spans[0] = max(spans[0], ROW_S * counts[0])
    starts = np.concatenate([[0.0], np.cumsum(spans)[:-1]])
    within = np.arange(len(clock_s)) - np.repeat(begins, counts)
    return np.asarray(np.repeat(starts, counts) + within * np.repeat(spans / counts, counts))
