"""Units that recordings come in, and how each becomes the contract's: value * factor + offset. Pure."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from contracts.definitions import LITRES_PER_US_GALLON, PETROL_G_PER_L


class Conversion(NamedTuple):
    """From a recording's unit to the contract's."""

    factor: float = 1.0
    offset: float = 0.0


Quantity = Literal[
    "speed", "temperature", "pressure", "distance", "altitude", "volume", "time", "fuel_rate", "air_flow",
    "acceleration", "angle", "share", "ratio", "engine_speed", "voltage", "count",
]  # fmt: skip

_MILE_KM: Final = 1.609344
_FOOT_M: Final = 0.3048
_ONE: Final = Conversion()

UNITS: Final[dict[Quantity, dict[str, Conversion]]] = {
    "speed": {
        "km/h": _ONE, "mph": Conversion(_MILE_KM), "m/s": Conversion(3.6), "kn": Conversion(1.852),
    },
    "temperature": {
        "°C": _ONE, "°F": Conversion(5 / 9, -160 / 9), "K": Conversion(1, -273.15),
    },
    "pressure": {
        "kPa": _ONE, "psi": Conversion(6.894757), "bar": Conversion(100), "mbar": Conversion(0.1),
        "hPa": Conversion(0.1), "Pa": Conversion(0.001), "inHg": Conversion(3.386389),
    },
    "distance": {
        "m": _ONE, "km": Conversion(1000), "miles": Conversion(1000 * _MILE_KM), "feet": Conversion(_FOOT_M),
    },
    "altitude": {
        "m": _ONE, "feet": Conversion(_FOOT_M),
    },
    "volume": {
        "ml": _ONE, "l": Conversion(1000), "gallons": Conversion(1000 * LITRES_PER_US_GALLON),
        "imperial gallons": Conversion(4546.09),
    },
    "time": {
        "s": _ONE, "min": Conversion(60), "h": Conversion(3600), "ms": Conversion(0.001),
    },
    "fuel_rate": {
        "ml/s": _ONE, "l/h": Conversion(1 / 3.6), "gallons/h": Conversion(LITRES_PER_US_GALLON / 3.6),
        "g/s": Conversion(1000 / PETROL_G_PER_L),
    },
    "air_flow": {
        "g/s": _ONE, "kg/h": Conversion(1 / 3.6), "lb/min": Conversion(453.59237 / 60),
    },
    "acceleration": {
        "m/s²": _ONE, "g": Conversion(9.80665), "ft/s²": Conversion(_FOOT_M),
    },
    "angle": {
        "°": _ONE, "rad": Conversion(57.29577951308232),
    },
    "share": {
        "%": _ONE, "0..1": Conversion(100), "0..255": Conversion(100 / 255),
    },
    "ratio": {
        "1": _ONE,
    },
    "engine_speed": {
        "rpm": _ONE, "1/s": Conversion(60),
    },
    "voltage": {
        "V": _ONE, "mV": Conversion(0.001),
    },
    "count": {
        "1": _ONE,
    },
}  # fmt: skip
"""Of each quantity, the contract's own unit first. Gallons are those of the USA."""

PLAIN: Final = {"m/s2": "m/s²", "ft/s2": "ft/s²", "degC": "°C", "C": "°C", "degF": "°F", "F": "°F", "deg": "°"}
"""How the same is written on a keyboard without such signs."""

QUANTITIES: Final[dict[str, Quantity]] = {
    "speed_kmh": "speed",
    "engine_rpm": "engine_speed",
    "trip_distance_m": "distance",
    "trip_fuel_ml": "volume",
    "trip_idle_s": "time",
    "odometer_m": "distance",
    "latitude_deg": "angle",
    "longitude_deg": "angle",
    "altitude_m": "altitude",
    "heading_deg": "angle",
    "acceleration_mps2": "acceleration",
    "engine_load_pct": "share",
    "throttle_pct": "share",
    "manifold_kpa": "pressure",
    "air_flow_gps": "air_flow",
    "intake_air_c": "temperature",
    "ambient_air_c": "temperature",
    "coolant_c": "temperature",
    "oil_c": "temperature",
    "oil_pressure_kpa": "pressure",
    "battery_v": "voltage",
    "fuel_level_pct": "share",
    "short_fuel_trim_pct": "share",
    "long_fuel_trim_pct": "share",
    "misfires": "count",
    "fuel_rate_mlps": "fuel_rate",
    "equivalence_ratio": "ratio",
}
"""What a column can become: the contract's fields, and two that only the fuel counter is made from."""
NOT_SENT: Final = frozenset({"fuel_rate_mlps", "equivalence_ratio"})
COUNTERS: Final = ("trip_distance_m", "trip_fuel_ml", "trip_idle_s")
WHOLE: Final = frozenset({*COUNTERS, "odometer_m", "misfires"})
"""Fields that are integers in the contract."""


def conversion(field: str, unit: str) -> Conversion | None:
    """Give how a unit becomes that of the field; None for a unit of something else."""
    return UNITS[QUANTITIES[field]].get(PLAIN.get(unit, unit))


def units_of(field: str) -> list[str]:
    """Give the units that a field can be recorded in."""
    return list(UNITS[QUANTITIES[field]])
