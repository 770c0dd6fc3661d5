"""A mapping file: TOML, read with every mistake told by file, line and remedy. Pure but for the reading."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.errors import InvalidInput
from contracts.vehicle import VIN, Vehicle
from simulator.physics.engine import STOICHIOMETRIC
from simulator.replay.mapping import CLOCK_KINDS, Clock, Mapping, Signal
from simulator.replay.units import QUANTITIES, conversion, units_of

CAROBD: Final = Path(__file__).with_name("carobd.toml")
"""The mapping of the carOBD recordings, taken when none is named."""
_SECTIONS: Final = ("file", "clock", "signals", "fuel", "vehicle")
_NEEDED: Final = ("speed_kmh", "engine_rpm")
_UNKNOWN_CAR: Final = {"make": "unknown", "model": "unknown", "year": 0, "fleet": "recordings"}


class _Complaint(Exception):
    """What is wrong, in which section and under which key."""

    def __init__(self, section: str, key: str, text: str) -> None:
        super().__init__(text)
        self.section = section
        self.key = key


def read_mapping(file: Path) -> Mapping:
    """Read a mapping. Raises InvalidInput that names file, line and remedy."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: cannot be read ({error}); name a TOML file with a mapping by --mapping") from error
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        raise InvalidInput(f"{file}:{place[1] if place else 1}: no TOML: {error}; mend that line") from error
    try:
        return _mapping(file, text, found)
    except _Complaint as complaint:
        line = _line(text, complaint.section, complaint.key)
        raise InvalidInput(f"{file}:{line}: {complaint}") from complaint


def _mapping(file: Path, text: str, found: dict[str, Any]) -> Mapping:
    for section, content in found.items():
        if section not in _SECTIONS or not isinstance(content, dict):
            raise _Complaint("", section, f"{section} is no section; there are {_listed(_SECTIONS)}")
    layout = _only(found, "file", ("separator", "absent"))
    separator, absent = layout.get("separator", ","), layout.get("absent", [""])
    if not isinstance(separator, str) or len(separator) != 1:
        raise _Complaint("file", "separator", f'separator {separator!r} is not one character; write it as ";"')
    if not isinstance(absent, list) or not all(isinstance(one, str) for one in absent):
        raise _Complaint("file", "absent", 'absent is a list of texts; write it as ["", "NODATA"]')
    return Mapping(
        file=file,
        clock=_clock(_only(found, "clock", ("column", "kind", "rate_hz", "row_s")), text),
        signals=_signals(found.get("signals", {}), text),
        separator=separator,
        absent=frozenset(one.strip() for one in absent),
        vehicle=_vehicle(found.get("vehicle")),
        stoichiometric=_number(_only(found, "fuel", ("stoichiometric",)), "fuel", "stoichiometric", STOICHIOMETRIC),
    )


def _only(found: dict[str, Any], section: str, keys: tuple[str, ...]) -> dict[str, Any]:
    content: dict[str, Any] = found.get(section, {})
    for key in content:
        if key not in keys:
            raise _Complaint(section, key, f"{section} has no {key}; there are {_listed(keys)}")
    return content


def _clock(given: dict[str, Any], text: str) -> Clock:
    kind, column = given.get("kind"), given.get("column")
    if kind not in CLOCK_KINDS:
        raise _Complaint("clock", "kind", f"clock kind {kind!r} is unknown; there are {_listed(CLOCK_KINDS)}")
    if kind == "rows":
        if "rate_hz" not in given:
            raise _Complaint("clock", "kind", 'a clock of kind "rows" needs rate_hz, the rows in a second')
        return Clock(kind, None, 1 / _number(given, "clock", "rate_hz"), _line(text, "clock", "kind"))
    if not isinstance(column, str):
        raise _Complaint("clock", "column", f'a clock of kind "{kind}" needs the name of its column')
    row_s = _number(given, "clock", "row_s") if "row_s" in given else None
    return Clock(kind, column.strip(), row_s, _line(text, "clock", "kind"))


def _signals(given: dict[str, Any], text: str) -> dict[str, Signal]:
    for field in _NEEDED:
        if field not in given:
            raise _Complaint("signals", "", f"signals lack {field}; every reading needs {_listed(_NEEDED)}")
    return {field: _signal(field, entry, text) for field, entry in given.items()}


def _signal(field: str, entry: object, text: str) -> Signal:
    if field not in QUANTITIES:
        raise _Complaint("signals", field, f"{field} is no field of a reading; there are {_listed(QUANTITIES)}")
    if not isinstance(entry, dict) or set(entry) != {"column", "unit"}:
        example = f'{field} = {{ column = "…", unit = "{units_of(field)[0]}" }}'
        raise _Complaint("signals", field, f"{field} needs a column and a unit; write it as {example}")
    converted = conversion(field, str(entry["unit"]))
    if converted is None:
        raise _Complaint(
            "signals", field, f"{field} has the unknown unit {entry['unit']!r}; there are {_listed(units_of(field))}"
        )
    return Signal(str(entry["column"]).strip(), converted, _line(text, "signals", field))


def _vehicle(given: dict[str, Any] | None) -> Vehicle | None:
    if given is None:
        return None
    known = msgspec.structs.fields(Vehicle)
    for key in given:
        if key not in {field.name for field in known}:
            raise _Complaint("vehicle", key, f"vehicle has no {key}; there are {_listed(f.name for f in known)}")
    if not isinstance(given.get("vehicle_id"), str) or not VIN.fullmatch(given["vehicle_id"]):
        raise _Complaint("vehicle", "vehicle_id", "vehicle_id has 17 of A-Z and 0-9 without I, O, Q")
    try:
        return msgspec.convert(_UNKNOWN_CAR | given, Vehicle)
    except msgspec.ValidationError as error:
        key = str(error).rpartition("$.")[2].rstrip("`")
        raise _Complaint("vehicle", key, f"{key}: {error}") from error


def _number(given: dict[str, Any], section: str, key: str, default: float | None = None) -> float:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise _Complaint(section, key, f"{key} is {value!r}, not a number above 0")
    return float(value)


def _listed(names: Any) -> str:
    return ", ".join(names)


def _line(text: str, section: str, key: str) -> int:
    """Find the line, from 1, of a key in a section; of the section where it has no such key; else the first."""
    lines = text.splitlines()
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*(?:\.\s*\"?{re.escape(key)}\"?\s*)?\]")
    begins = [at for at, line in enumerate(lines) if section and header.match(line)]
    first = begins[-1] if begins else 0
    wanted = re.compile(rf"\s*\[?\s*\"?{re.escape(key)}\b") if key else header
    return 1 + next((at for at in range(first, len(lines)) if wanted.match(lines[at])), first)
