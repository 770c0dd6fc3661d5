"""The ten routes asked most, of many vehicles, alerts, fleets and places: what a dashboard shows and one clicks."""

from __future__ import annotations

from typing import Final

from _full_store import FLEETS, Size, vin_of

KINDS: Final = 10


def mix(size: Size, turns: int) -> list[str]:
    """Give paths, the ten kinds in turn; each turn asks for others, so that no answer is remembered for its address."""
    paths: list[str] = []
    for turn in range(turns):
        vehicle = turn * 7_919 % size.vehicles
        west, south = -105.2 + turn % 45 / 100, 39.6 + turn % 40 / 100
        paths += [
            "/v1/attention",
            "/v1/alerts",
            "/v1/alerts?severity=critical&is_open=true",
            f"/v1/alerts/filled-{turn * 7_919 % size.alerts:07d}",
            f"/v1/vehicles/{vin_of(vehicle)}",
            f"/v1/vehicles/{vin_of(vehicle)}/trips",
            f"/v1/vehicles/{vin_of(vehicle)}/efficiency",
            f"/v1/vehicles?fleet=fleet-{turn % FLEETS}",
            f"/v1/positions?bbox={west:.2f},{south:.2f},{west + 0.05:.2f},{south + 0.05:.2f}&limit=100",
            "/v1/rankings/fuel-efficiency",
        ]
    return paths
