"""Readings as JSON bytes, fast: fixed-width rows in one NumPy array, each value taken from a table of ready text.

Padding spaces are legal JSON. Key literals are written once; a column costs one or two `take()`, and no
object is made for a reading. Rows with trouble codes go through the contract's codec.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.codec import encode
from contracts.reading import Reading
from simulator.readings.columns import OIL_LEVELS, PLACES, ReadingColumns, scaled

Text = NDArray[np.bytes_]

_COUNTERS: Final = {
    "sequence": 4,
    "recorded_at_ms": 4,
    "trip_started_at_ms": 4,
    "trip_distance_m": 2,
    "trip_fuel_ml": 2,
    "trip_idle_s": 2,
    "odometer_m": 3,
    "misfires": 1,
}
"""Groups of four digits that each counter is written with."""
_RANGES: Final[dict[str, tuple[int, int]]] = {
    "speed_kmh": (0, 400),
    "engine_rpm": (0, 9999),
    "altitude_m": (-500, 9000),
    "heading_deg": (0, 360),
    "acceleration_mps2": (-50, 50),
    "engine_load_pct": (0, 100),
    "throttle_pct": (0, 100),
    "manifold_kpa": (0, 500),
    "air_flow_gps": (0, 500),
    "intake_air_c": (-60, 120),
    "ambient_air_c": (-60, 120),
    "coolant_c": (-60, 215),
    "oil_c": (-60, 250),
    "oil_pressure_kpa": (0, 1500),
    "battery_v": (0, 60),
    "fuel_level_pct": (0, 100),
    "short_fuel_trim_pct": (-100, 100),
    "long_fuel_trim_pct": (-100, 100),
}
_GROUP: Final = 10_000
_WHEELS: Final = 4


def _table(texts: list[bytes]) -> Text:
    width = max(map(len, texts))
    return np.array([text.rjust(width) for text in texts])


@lru_cache
def _decimals(name: str) -> Text:
    low, high = _RANGES[name]
    return _decimal_table(low, high, PLACES[name])


@lru_cache
def _decimal_table(low: int, high: int, places: int) -> Text:
    unit = 10**places
    return _table([b"%.*f" % (places, number / unit) for number in range(low * unit, high * unit + 1)])


@lru_cache
def _digit_groups() -> Text:
    """Give four digits, padded with spaces (0..9999: nothing stands before them) or zeros (from 10,000 on)."""
    leading = [b"%4d" % number for number in range(_GROUP)]
    return np.array([*leading, *(b"%04d" % number for number in range(_GROUP))])


@lru_cache
def _oil_levels() -> Text:
    return _table([b'"%s"' % level.encode() for level in OIL_LEVELS])


@lru_cache
def _degrees() -> tuple[Text, Text]:
    """Give the whole degrees -180..180 with a -0 at the end, and three digits."""
    return _table([b"%d" % whole for whole in range(-180, 181)] + [b"-0"]), np.array([b"%03d" % n for n in range(1000)])


class ReadingRows:
    """An encoder with room for `capacity` readings a call; not for use from two threads."""

    def __init__(self, capacity: int) -> None:
        """Write the literals, which stay."""
        self._capacity = capacity
        self._rows = np.zeros(capacity, dtype=[(name, kind) for name, kind, _ in _layout()])
        for name, _, literal in _layout():
            if literal:
                self._rows[name] = literal
        self._bytes = self._rows.view(f"S{self._rows.itemsize}")

    def encode(self, columns: ReadingColumns) -> list[bytes]:
        """Encode readings in their order; equal in meaning to the codec's bytes, apart from padding."""
        messages: list[bytes] = []
        for start in range(0, len(columns), self._capacity):
            messages += self._some(columns, slice(start, min(start + self._capacity, len(columns))))
        for row in columns.trouble_codes:
            messages[row] = encode(columns.reading(row))
        return messages

    def _some(self, columns: ReadingColumns, part: slice) -> list[bytes]:
        count = part.stop - part.start
        rows = self._rows[:count]
        for name in Reading.__struct_fields__[:-1]:
            self._write(rows, name, columns.values[name][part])
        messages: list[bytes] = self._bytes[:count].tolist()
        return messages

    def _write(self, rows: NDArray[Any], name: str, values: NDArray[Any]) -> None:
        if name in _COUNTERS:
            _write_counter(rows, name, values, _COUNTERS[name])
        elif name in _RANGES:
            low, high = _RANGES[name]
            unit = 10 ** PLACES[name]
            rows[name] = _decimals(name)[np.clip(scaled(values, PLACES[name]), low * unit, high * unit) - low * unit]
        elif name == "vehicle_id":
            rows[name] = values
        elif name == "ignition_on":
            rows[name] = np.array([b"false", b" true"])[values.astype(np.int64)]
        elif name == "oil_level":
            rows[name] = _oil_levels()[values]
        elif name == "tyre_pressures_kpa":
            tenths = np.clip(scaled(values, 1), 0, 15_000)
            for wheel in range(_WHEELS):
                rows[f"{name}{wheel}"] = _decimal_table(0, 1500, 1)[tenths[:, wheel]]
        else:
            _write_degrees(rows, name, values)


def _write_counter(rows: NDArray[Any], name: str, values: NDArray[Any], groups: int) -> None:
    rest = values
    for group in range(groups - 1, -1, -1):
        ahead = rest // _GROUP
        text = _digit_groups()[rest - ahead * _GROUP + _GROUP * (ahead > 0)]
        # A group before the first digit is blank, except that a zero is written in the last.
        rows[f"{name}{group}"] = text if group == groups - 1 else np.where(rest > 0, text, b"    ")
        rest = ahead


def _write_degrees(rows: NDArray[Any], name: str, values: NDArray[Any]) -> None:
    wholes, thousandths = _degrees()
    millionths = scaled(values, 6)
    whole, fraction = np.divmod(np.abs(millionths), 1_000_000)
    is_negative = millionths < 0
    rows[f"{name}0"] = wholes[np.where(is_negative & (whole == 0), 361, np.where(is_negative, -whole, whole) + 180)]
    rows[f"{name}1"] = thousandths[fraction // 1000]
    rows[f"{name}2"] = thousandths[fraction % 1000]


@lru_cache
def _layout() -> list[tuple[str, str, bytes]]:
    """Give the parts of a row: name, NumPy type, and the text of those that never change."""
    parts: list[tuple[str, str, bytes]] = []

    def literal(text: bytes) -> None:
        parts.append((f"literal{len(parts)}", f"S{len(text)}", text))

    for at, name in enumerate(Reading.__struct_fields__[:-1]):
        literal((b"," if at else b"{") + f'"{name}":'.encode())
        if name == "vehicle_id":
            literal(b'"')
        if name == "tyre_pressures_kpa":
            literal(b"[")
        for number, (part, width) in enumerate(_parts(name)):
            if number and name == "tyre_pressures_kpa":
                literal(b",")
            if number == 1 and name.endswith("itude_deg"):
                literal(b".")
            parts.append((part, f"S{width}", b""))
        if name == "vehicle_id":
            literal(b'"')
        if name == "tyre_pressures_kpa":
            literal(b"]")
    literal(b',"trouble_codes":[]}')  # said of a healthy car too: where nothing is said, a code is thought to stand
    return parts


def _parts(name: str) -> list[tuple[str, int]]:
    if name in _COUNTERS:
        return [(f"{name}{group}", 4) for group in range(_COUNTERS[name])]
    if name in _RANGES:
        return [(name, _decimals(name).itemsize)]
    if name == "tyre_pressures_kpa":
        return [(f"{name}{wheel}", _decimal_table(0, 1500, 1).itemsize) for wheel in range(_WHEELS)]
    if name in ("latitude_deg", "longitude_deg"):
        return [(f"{name}0", 4), (f"{name}1", 3), (f"{name}2", 3)]
    widths = {"vehicle_id": 17, "ignition_on": 5, "oil_level": max(map(len, OIL_LEVELS)) + 2}
    return [(name, widths[name])]
