"""A recording: a CSV file of a real car's signals, read by a mapping, with every trap such files hold.

Rows may end in a surplus separator; a last row may be cut off; a clock may count whole seconds; cells may be empty.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from contracts.errors import InvalidInput
from contracts.plausibility import FASTEST_KMH, FASTEST_RPM, LONGEST_TRIP_MS
from simulator.replay.mapping import Mapping
from simulator.replay.recorded_clock import elapsed, told_s
from simulator.replay.units import COUNTERS
from simulator.vehicles.fleet import Floats

_SHORTEST_ROW_S: Final = 0.001
_LONGEST_ROW_S: Final = 60.0
_MOST: Final = {"speed_kmh": FASTEST_KMH, "engine_rpm": FASTEST_RPM}


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: seconds since its first row, rising, and the columns by the contract's names, NaN where nothing was
    measured; speed and engine speed are held until they are measured again.
    """  # noqa: D205 - one sentence

    file: Path
    elapsed_s: Floats
    columns: dict[str, Floats]
    truncated_rows: int = 0

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.elapsed_s)


class _Row(NamedTuple):
    line: int
    clock_s: float
    values: list[float]


def read_recording(file: Path, mapping: Mapping) -> Recording:
    """Read a recording. Raises InvalidInput with file, line and reason when it cannot be trusted."""
    names, lines = _header_and_lines(file, mapping)
    rows, truncated = _rows(file, mapping, names, lines)
    rows = _from_first_motion(file, mapping, rows)
    told = np.array([row.clock_s for row in rows])
    elapsed_s = told - told[0] if mapping.clock.column is None else elapsed(told, mapping.clock.row_s)
    _judge_clock(file, mapping, elapsed_s, rows)
    table = np.array([row.values for row in rows])
    columns = {field: table[:, at] for at, field in enumerate(mapping.signals)}
    for field, most in _MOST.items():
        columns[field] = held(columns[field])
        _judge_range(file, mapping, field, most, columns[field], rows)
    for field in COUNTERS:
        if field in columns:
            columns[field] = _judged_counter(file, field, columns[field], rows)
    return Recording(file, elapsed_s, columns, truncated)


def held(values: Floats) -> Floats:
    """Fill what was not measured with the value before it; what comes before the first stays NaN."""
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(last < 0, np.nan, values[np.maximum(last, 0)])


def _header_and_lines(file: Path, mapping: Mapping) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        text = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: cannot be read as text: {error}") from error
    table = [[cell.strip() for cell in row] for row in csv.reader(text, delimiter=mapping.separator)]
    names = table[0] if table else []
    wanted = [(signal.column, signal.line) for signal in mapping.signals.values()]
    if mapping.clock.column is not None:
        wanted.insert(0, (mapping.clock.column, mapping.clock.line))
    for column, line in wanted:
        if column not in names:
            raise InvalidInput(
                f"{file}, line 1: no column {column!r}, which {mapping.file}:{line} names; there are "
                f"{', '.join(map(repr, names)) or 'none'}; the file is not sent"
            )
    return names, [(number, row) for number, row in enumerate(table[1:], start=2) if any(row)]


def _rows(file: Path, mapping: Mapping, names: list[str], lines: list[tuple[int, list[str]]]) -> tuple[list[_Row], int]:
    places = [names.index(signal.column) for signal in mapping.signals.values()]
    clock_at = None if mapping.clock.column is None else names.index(mapping.clock.column)
    rows: list[_Row] = []
    for at, (line, cells) in enumerate(lines):
        try:
            _judge_width(cells, len(names))
            clock_s = at * (mapping.clock.row_s or 1) if clock_at is None else _clock(mapping, cells[clock_at])
            rows.append(_Row(line, clock_s, _values(mapping, cells, places)))
        except ValueError as error:
            # Only a last row may be cut off, and only where the rows before it were whole.
            if at < len(lines) - 1 or not rows:
                raise InvalidInput(f"{file}, line {line}: {error}; the file is not sent") from error
            return rows, 1
    return rows, 0


def _judge_width(cells: list[str], names: int) -> None:
    if len(cells) == names + 1 and not cells[-1]:
        return  # the surplus separator
    if len(cells) != names:
        raise ValueError(f"{len(cells)} fields where the header names {names}")


def _clock(mapping: Mapping, cell: str) -> float:
    clock = mapping.clock
    try:
        seconds = told_s(clock.kind, cell)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError(
            f"the clock {clock.column} says {cell!r}, which is no {clock.kind} ({mapping.file}:{clock.line})"
        )
    return seconds


def _values(mapping: Mapping, cells: list[str], places: list[int]) -> list[float]:
    found = []
    for (field, signal), place in zip(mapping.signals.items(), places, strict=True):
        cell = cells[place]
        try:
            value = math.nan if cell in mapping.absent else float(cell)
        except ValueError:
            value = math.inf
        if not math.isfinite(value) and cell not in mapping.absent:
            raise ValueError(
                f"{signal.column} for {field} says {cell!r}, which is no number; if it stands for none, list it under "
                f"absent in [file] of {mapping.file}"
            )
        found.append(value * signal.conversion.factor + signal.conversion.offset)
    return found


def _from_first_motion(file: Path, mapping: Mapping, rows: list[_Row]) -> list[_Row]:
    """Leave out the rows before speed and engine speed have both been measured; the first row left has both."""
    seen = dict.fromkeys((list(mapping.signals).index(field) for field in _MOST), math.nan)
    for at, row in enumerate(rows):
        seen |= {place: row.values[place] for place in seen if not math.isnan(row.values[place])}
        if not any(map(math.isnan, seen.values())):
            values = [seen.get(place, value) for place, value in enumerate(row.values)]
            return [row._replace(values=values), *rows[at + 1 :]]
    raise InvalidInput(f"{file}, line 1: no rows with speed and engine speed follow the header; the file is not sent")


def _judge_clock(file: Path, mapping: Mapping, elapsed_s: Floats, rows: list[_Row]) -> None:
    place = f"{mapping.file}:{mapping.clock.line}"
    steps = np.diff(elapsed_s)
    if not (steps > 0).all():
        line = rows[int(np.flatnonzero(steps <= 0)[0]) + 1].line
        raise InvalidInput(
            f"{file}, line {line}: the clock {mapping.clock.column} runs backwards; the file is not sent"
        )
    if elapsed_s[-1] * 1000 > LONGEST_TRIP_MS:
        raise InvalidInput(
            f"{file}, line {rows[-1].line}: the clock runs for {elapsed_s[-1] / 86_400:.1f} days, and a trip for 7 at "
            f"most: is its kind right in {place}?"
        )
    usual_s = float(np.median(steps)) if len(steps) else 1.0
    if not _SHORTEST_ROW_S <= usual_s <= _LONGEST_ROW_S:
        raise InvalidInput(
            f"{file}, line {rows[1].line}: rows would lie {usual_s:g} s apart: is the clock's kind right in {place}?"
        )


def _judge_range(file: Path, mapping: Mapping, field: str, most: float, values: Floats, rows: list[_Row]) -> None:
    wrong = np.flatnonzero(~((values >= 0) & (values <= most)))
    if len(wrong):
        raise InvalidInput(
            f"{file}, line {rows[int(wrong[0])].line}: {field} would be {values[wrong[0]]:g}, and 0 to {most} is "
            f"possible: is its unit right in {mapping.file}:{mapping.signals[field].line}?"
        )


def _judged_counter(file: Path, field: str, values: Floats, rows: list[_Row]) -> Floats:
    """Give a trip's counter from zero on, held where it was not measured."""
    counted: Floats = np.nan_to_num(held(values) - values[~np.isnan(values)][:1].sum())
    backwards = np.flatnonzero(np.diff(counted) < 0)
    if len(backwards):
        line = rows[int(backwards[0]) + 1].line
        raise InvalidInput(
            f"{file}, line {line}: the counter {field} falls; leave it out of the mapping to integrate it"
        )
    return counted
