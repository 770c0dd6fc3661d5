"""A mapping: which column of a recording is which field of the contract, in which unit, by which clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from contracts.vehicle import Vehicle
from simulator.replay.units import Conversion

ClockKind = Literal["epoch_s", "epoch_ms", "iso8601", "seconds", "rows"]
CLOCK_KINDS: Final[tuple[ClockKind, ...]] = get_args(ClockKind)


@dataclass(frozen=True, slots=True)
class Clock:
    """How rows tell their time: a column of a kind, or no column and a fixed time between rows.

    `row_s` is the time between two rows where the column does not tell: it counts whole seconds only.
    """

    kind: ClockKind
    column: str | None
    row_s: float | None
    line: int


@dataclass(frozen=True, slots=True)
class Signal:
    """A column that becomes a field; `line` is where the mapping says so."""

    column: str
    conversion: Conversion
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a mapping file says. `vehicle` is the registry's record of the recorded car, None when it names no car."""

    file: Path
    clock: Clock
    signals: dict[str, Signal]
    separator: str
    absent: frozenset[str]
    """What a cell holds where nothing was measured."""
    vehicle: Vehicle | None
    stoichiometric: float
    """Grams of air a gram of fuel."""
