"""Builders for the rules' tests: a healthy reading, and a partition to fold it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.alert import Alert
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.vehicle import Vehicle
from rules import Rules, default_rules_file, load_rules, parse_rules
from rules.partition import PartitionFold

VIN = "1HGCM82633A004352"
START_MS = 1_790_000_000_000
RULES = load_rules(default_rules_file())
REGISTERED = Vehicle(vehicle_id=VIN, make="Honda", model="Accord", year=2003, fleet="north", placard_kpa=230.0)

HEALTHY: dict[str, Any] = {
    "speed_kmh": 60.0,
    "engine_rpm": 2_000.0,
    "coolant_c": 92.0,
    "oil_pressure_kpa": 300.0,
    "oil_level": "NORMAL",
    "battery_v": 14.0,
    "tyre_pressures_kpa": (230.0, 231.0, 229.0, 230.0),
    "trouble_codes": (),
}


def a_reading_with(signal: str, value: Any, *, second: float = 10) -> Reading:
    """Make a healthy reading with one signal of another value."""
    signals: dict[str, Any] = {signal: value}
    return a_reading(second, **signals)


def a_reading(second: float = 0, *, trip: int = 0, **signals: Any) -> Reading:
    """Make a healthy reading `second` seconds into the trip that began `trip` seconds after the start."""
    begun_ms = START_MS + trip * 1000
    facts: dict[str, Any] = {
        "vehicle_id": VIN,
        "sequence": trip * 10 + int(second * 10),
        "recorded_at_ms": begun_ms + round(second * 1000),
        "trip_started_at_ms": begun_ms,
        "trip_distance_m": int(second * 16),
        "trip_fuel_ml": int(second),
        "trip_idle_s": 0,
    }
    return Reading(**(facts | HEALTHY | signals))


def rules_of(text: str) -> Rules:
    """Compile a rule file's text."""
    return parse_rules(text, name="test.toml")


@dataclass
class Drive:
    """Folds readings in the order given, each received 20 ms after it was recorded; keeps the alerts."""

    rules: Rules = RULES
    registry: Mapping[str, Vehicle] = field(default_factory=lambda: {VIN: REGISTERED})
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.partition = partition_of_key(VIN.encode(), 12)
        self.fold = PartitionFold(self.partition, self.rules, registry=self.registry)
        self.offset = 0

    def read(self, *readings: Reading, delay_ms: int = 20) -> list[Alert]:
        """Fold the readings; give the alerts they caused."""
        caused: list[Alert] = []
        for reading in readings:
            received_at_ms = reading.recorded_at_ms + delay_ms
            caused += self.fold.advance(received_at_ms)
            caused += self.fold.fold(reading, offset=self.offset, received_at_ms=received_at_ms)
            self.offset += 1
        self.alerts += caused
        return caused

    def told(self) -> list[tuple[str, int, str]]:
        """Give the alerts as (rule, change, state)."""
        return [(alert.rule, alert.change, alert.state) for alert in self.alerts]
