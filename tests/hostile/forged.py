"""Records that cannot be true, as whoever can write to a topic may write them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from hostile.vehicles import a_reading, home, now_ms
from raw_batches import Headers

from contracts.alert import Alert
from contracts.rejection import rejection
from contracts.rejection import to_headers as rejection_headers
from contracts.topics import VEHICLE_READINGS
from contracts.vehicle_state import Episode, Mark, TripTotals, VehicleState
from rules import default_rules_file, load_rules

BEYOND: Final = 2**53
"""An offset that no partition has reached. All forged records have one, as a record that could be true is true."""
FAR_MS: Final = 253_402_300_800_000
"""The year 10000."""
TEXT: Final = "[/red]\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\u202e"
_RULES: Final = load_rules(default_rules_file())


def an_alert(vin: str, **changed: Any) -> Alert:
    """Make an alert of a reading that is not there."""
    now = now_ms()
    facts: dict[str, Any] = {
        "alert_id": "3c5a4bb1-a3c7-5b0c-9a43-5e1d9a526d0f", "change": 1, "vehicle_id": vin,
        "rule": "coolant_over_temperature", "rules_hash": _RULES.hash, "severity": "critical", "state": "raised",
        "raised_at_ms": now, "changed_at_ms": now, "received_at_ms": now, "partition": home(vin), "offset": BEYOND,
        "message": TEXT,
    }  # fmt: skip
    return msgspec.structs.replace(Alert(**facts), **changed)


def a_state(vin: str, **changed: Any) -> VehicleState:
    """Make a state after a reading that is not there."""
    newest = a_reading(vin, 5, second=60)
    facts: dict[str, Any] = {
        "offset": BEYOND, "partition": home(vin), "received_at_ms": now_ms(), "newest": newest,
        "newest_received_at_ms": now_ms(), "trips": [TripTotals(newest.trip_started_at_ms, 600, newest.recorded_at_ms)],
    }  # fmt: skip
    return msgspec.structs.replace(VehicleState(**facts), **changed)


def an_episode(number: int) -> Episode:
    """Make an open episode of a trouble code."""
    code = f"P{number % 0x4000:04X}"
    return Episode(f"powertrain_code:{code}", "open", now_ms(), number, now_ms(), now_ms(), trouble_code=code)


def a_mark(partition: int, /, **changed: Any) -> Mark:
    """Make a mark behind readings that are not there."""
    facts: dict[str, Any] = {"partition": partition, "next_offset": BEYOND, "received_at_ms": now_ms()}
    return Mark(**(facts | {"rules_hash": _RULES.hash} | changed))


def rejected_headers(**changed: str) -> Headers:
    """Make the headers of a rejection of a record that is not there."""
    told = rejection(
        b"{", reason="not_json", detail=TEXT, topic=VEHICLE_READINGS.name, partition=3, offset=1,
        received_at_ms=now_ms(),
    )  # fmt: skip
    written = {name: value.decode() for name, value in rejection_headers(told)}
    renamed = {name.replace("_", "-"): value for name, value in changed.items()}
    return [(name, value.encode("utf-8", "surrogatepass")) for name, value in (written | renamed).items()]
