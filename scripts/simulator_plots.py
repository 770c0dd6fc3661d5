"""Draw the pictures of docs/simulator.md: one trip healthy and with a fault, and a trip on the map.

`python scripts/simulator_plots.py` writes docs/images/*.png; the same seed gives the same pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection

from roads.network import RoadNetwork
from simulator.faults.fault import Faults, PlannedFault
from simulator.live.live_fleet import LiveFleet
from simulator.trips.driven import TripLog
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SEED = 4
START_MS = 1_790_000_000_000
SECONDS = 2000
ONSET_S = 360.0
CARS = 20
CAR = 19
"""One with a long first trip."""
ROWS = (
    ("speed_kmh", "speed, km/h"),
    ("engine_rpm", "engine, rpm"),
    ("coolant_c", "coolant, °C"),
    ("trip_fuel_ml", "fuel burnt, ml"),
)
MARGIN_DEG = 0.002
HEALTHY, ILL = "#2a6f97", "#c1121f"

Signals = dict[str, np.ndarray[Any, Any]]


def drive(roads: RoadNetwork, script: list[PlannedFault]) -> tuple[Signals, tuple[int, ...]]:
    """Give the first trip of one car, and the segments that it was driven on."""
    cars, book = fleet(CARS, SEED), road_book(roads, SEED)
    log = TripLog(book, len(cars))
    faults = Faults(len(cars), per_vehicle_hour=0, growth_s=120, repair_s=9999, script=script)
    live = LiveFleet(cars, book, seed=SEED, start_ms=START_MS, rate_hz=1, faults=faults, log=log)
    made = [live.tick()[0] for _ in range(SECONDS)]
    made.append(live.end())
    columns = {name: np.concatenate([each.values[name] for each in made]) for name in made[0].values}
    mine = columns["vehicle_id"] == cars.vehicle_id[CAR]
    mine &= columns["trip_started_at_ms"] == columns["trip_started_at_ms"][mine][0]
    vin = cars.vehicle_id[CAR].decode()
    segments = next(trip.segments for trip in log.trips if trip.vehicle_id == vin)
    return {name: values[mine] for name, values in columns.items()}, segments


def draw_trip(healthy: Signals, ill: Signals) -> None:
    figure, axes = plt.subplots(len(ROWS), 1, figsize=(9, 8), sharex=True, layout="constrained")
    for axis, (signal, label) in zip(axes, ROWS, strict=True):
        for signals, colour, name, width in ((ill, ILL, "coolant leak", 1.6), (healthy, HEALTHY, "healthy", 1.0)):
            minutes = (signals["recorded_at_ms"] - signals["trip_started_at_ms"][0]) / 60_000
            axis.plot(minutes, signals[signal], color=colour, linewidth=width, label=name)
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.axvline(ONSET_S / 60, color="#888888", linestyle=":", linewidth=1)
    axes[2].axhline(110, color=ILL, linestyle="--", linewidth=0.8)
    axes[2].annotate("P0217 from 110 °C", (0, 110), xytext=(4, -10), textcoords="offset points", fontsize=8, color=ILL)
    axes[2].legend(loc="lower right")
    axes[-1].set_xlabel("minutes since ignition on; the dotted line is the leak's onset")
    figure.suptitle("One trip through Denver, with and without a coolant leak")
    save(figure, "one-trip")


def draw_map(roads: RoadNetwork, trip: Signals, segments: tuple[int, ...]) -> None:
    figure, axis = plt.subplots(figsize=(8, 8.4), layout="constrained")

    def lines(numbers: Any) -> list[list[tuple[float, float]]]:
        return [[(lon, lat) for lat, lon in roads.segments[number].shape] for number in numbers]

    axis.add_collection(LineCollection(lines(range(len(roads.segments))), colors="#c9c9c9", linewidths=0.8))
    axis.add_collection(LineCollection(lines(segments), colors="#f2a65a", linewidths=5, alpha=0.6))
    shown = axis.scatter(
        trip["longitude_deg"], trip["latitude_deg"], c=trip["speed_kmh"], s=5, cmap="viridis", zorder=3
    )
    signals = [vertex for vertex in roads.vertices if vertex.has_signal]
    axis.scatter(
        [vertex.longitude_deg for vertex in signals],
        [vertex.latitude_deg for vertex in signals],
        s=6, color="#888888", marker="x", linewidths=0.5, zorder=2,
    )  # fmt: skip
    ends = (trip["longitude_deg"][[0, -1]], trip["latitude_deg"][[0, -1]])
    for x, y, text in zip(*ends, ("begin", "end"), strict=True):
        axis.annotate(text, (x, y), xytext=(8, 8), textcoords="offset points", fontweight="bold")
    for set_limits, values in ((axis.set_xlim, trip["longitude_deg"]), (axis.set_ylim, trip["latitude_deg"])):
        set_limits(values.min() - MARGIN_DEG, values.max() + MARGIN_DEG)
    axis.set_aspect(1 / np.cos(np.radians(trip["latitude_deg"][0])))
    axis.ticklabel_format(useOffset=False)
    axis.set_xlabel("longitude, °")
    axis.set_ylabel("latitude, °")
    figure.colorbar(shown, ax=axis, label="speed, km/h", shrink=0.7)
    axis.set_title("True segments (orange), positions as received, signals (x)\n© OpenStreetMap contributors")
    save(figure, "trip-on-the-map")


def save(figure: Any, name: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / f"{name}.png", dpi=90, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    mpl.use("Agg")
    roads = network("denver", seed=SEED, segments=0)
    leak = PlannedFault(CAR, "coolant_leak", start_s=ONSET_S, growth_s=300, repair_s=None)
    (healthy, segments), (ill, _) = drive(roads, []), drive(roads, [leak])
    draw_trip(healthy, ill)
    draw_map(roads, healthy, segments)
    print(f"written: {IMAGES / 'one-trip.png'}, {IMAGES / 'trip-on-the-map.png'}")


if __name__ == "__main__":
    main()
