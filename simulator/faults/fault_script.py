"""A script of faults: a TOML file that says which car breaks when, how fast and how badly. Pure but for the reading."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import InvalidInput
from observability.duration import seconds
from simulator.faults.fault import FAULT_KINDS, PlannedFault

_HEADER: Final = re.compile(r"\s*\[\[\s*fault\s*\]\]")
_KEYS: Final = ("vehicle", "fault", "start", "growth", "repair", "severity")


class _Complaint(Exception):
    """What is wrong with one fault, and under which key."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def script_of(
    file: Path | None, vehicle_ids: NDArray[np.bytes_], *, growth_s: float, repair_s: float
) -> list[PlannedFault]:
    """Read the script for these cars; without a file there is none. Raises InvalidInput."""
    if file is None:
        return []
    vins = [vin.decode() for vin in vehicle_ids.tolist()]
    return read_script(file, vehicle_ids=vins, growth_s=growth_s, repair_s=repair_s)


def read_script(file: Path, *, vehicle_ids: list[str], growth_s: float, repair_s: float) -> list[PlannedFault]:
    """Read a script; what it leaves out is the run's. Raises InvalidInput that names file, line and remedy."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: cannot be read ({error}); name a TOML file with [[fault]] tables") from error
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file}:{_line_in(str(error))}: no TOML: {error}; mend that line") from error
    tables = found.pop("fault", [])
    if found or not isinstance(tables, list) or not tables or not all(isinstance(one, dict) for one in tables):
        raise InvalidInput(f"{file}:1: write one [[fault]] table for each fault, and nothing else")
    car = {vehicle_id: number for number, vehicle_id in enumerate(vehicle_ids)}
    planned = []
    for index, table in enumerate(tables):
        try:
            planned.append(_planned(table, car, growth_s, repair_s))
        except _Complaint as complaint:
            line = _line(text, index, complaint.key)
            raise InvalidInput(f"{file}:{line}: {complaint.key}: {complaint}") from complaint
    return planned


def _planned(table: Mapping[str, Any], car: Mapping[str, int], growth_s: float, repair_s: float) -> PlannedFault:
    if unknown := [key for key in table if key not in _KEYS]:
        raise _Complaint(unknown[0], f"no such key; there are {', '.join(_KEYS)}")
    kind = table.get("fault")
    if kind not in FAULT_KINDS:
        raise _Complaint("fault", f"{kind!r} is no fault; there are {', '.join(FAULT_KINDS)}")
    return PlannedFault(
        vehicle=_vehicle(table.get("vehicle"), car),
        kind=kind,
        start_s=_duration(table, "start", 0.0, least=0),
        growth_s=_duration(table, "growth", growth_s, least=0.001),
        repair_s=None if table.get("repair") == "never" else _duration(table, "repair", repair_s, least=0),
        severity=_severity(table.get("severity", 1.0)),
    )


def _vehicle(given: object, car: Mapping[str, int]) -> int:
    if isinstance(given, str) and given in car:
        return car[given]
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < len(car):
        return given
    raise _Complaint(
        "vehicle", f"{given!r} is not in the fleet; give a number from 0 to {len(car) - 1} or the VIN of a car of it"
    )


def _duration(table: Mapping[str, Any], key: str, default: float, *, least: float) -> float:
    given = seconds(table.get(key, default))
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given < inf:
        hint = ' or "never"' if key == "repair" else ""
        raise _Complaint(key, f'{given!r} is no duration; write it as "90s", "5m"{hint}')
    return float(given)


def _severity(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 1:
        raise _Complaint("severity", f"{given!r} is not above 0 and at most 1")
    return float(given)


def _line_in(message: str) -> str:
    found = re.search(r"line (\d+)", message)
    return found[1] if found else "1"


def _line(text: str, index: int, key: str) -> int:
    """Find the line, from 1, of a key in the fault with this index; of its header when it has no such key."""
    lines = text.splitlines()
    headers = [at for at, line in enumerate(lines) if _HEADER.match(line)]
    if index >= len(headers):
        return 1
    end = headers[index + 1] if index + 1 < len(headers) else len(lines)
    begins = re.compile(rf"\s*\"?{re.escape(key)}\b")
    return 1 + next((at for at in range(headers[index], end) if begins.match(lines[at])), headers[index])
