"""Cheapest routes and map matching: exact, how fast, and how much of what was driven lands on the right segments.

python benchmarks/routes.py [--drives 200] [--vehicles 50] [--segments 100000]

Routes are held against Bellman and Ford's algorithm. Matching is judged on two drivers that know the truth: random
routes with stops and noise that is new at each reading (tests/driven_roads.py), and the simulator, whose receivers'
errors drift. Noise is 8 m on each axis.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import random
import statistics
import sys
import time
from pathlib import Path

# ruff: noqa: E402 - first the project: cold_path.py beside this file would hide the package of that name.
HERE = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != HERE]
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]
sys.path.append(str(HERE))

import numpy as np
from _driven_fleet import driven_fleet
from _figures import Figures, keep, tell
from _held_out import held_out
from driven_roads import a_drive, heard, right_share

from cold_path.matching.matcher import Matcher
from cold_path.matching.readings import Readings
from cold_path.matching.traversal import traversals
from roads import RoadNetwork, cheapest_route, default_network
from roads.generated_city import generated_city

NOISE_M = 8.0
STARTS, ENDS_OF_EACH = 25, 20
"""500 pairs against the reference."""


def main() -> None:
    options = _options()
    figures = _denver() | _city(options.segments)
    network = default_network()
    drives = [a_drive(network, rng) for rng in [random.Random(5)] for _ in range(options.drives)]
    truth = [drive.segments for drive in drives]
    for every_s in (1, 10):
        readings = heard(network, drives, every_s=every_s, noise_m=NOISE_M, seed=3)
        figures |= _matched(f"random_routes_{every_s}s", readings, truth)
        blind = dataclasses.replace(readings, heading_deg=np.full(len(readings), np.nan))
        figures |= _matched(f"random_routes_without_heading_{every_s}s", blind, truth)
        fleet = driven_fleet(options.vehicles, every_s=every_s, noise_m=NOISE_M)
        figures |= _matched(f"simulator_{every_s}s", fleet.readings, fleet.segments)
    figures |= held_out(driven_fleet(4 * options.vehicles, every_s=10, noise_m=NOISE_M).readings)
    keep("routes", figures)
    tell("routes", figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drives", type=int, default=200)
    parser.add_argument("--vehicles", type=int, default=50)
    parser.add_argument("--segments", type=int, default=100_000)
    return parser.parse_args()


def _denver() -> Figures:
    network = default_network()
    costs = [segment.length_m / segment.speed_kmh * 3.6 for segment in network.segments]
    return {"denver_optimal_of_500": _optimal(network, costs)} | _timed("denver", network, costs, 2_000)


def _city(segments: int) -> Figures:
    began = time.perf_counter()
    network = generated_city(seed=1, segments=segments)
    made_s = time.perf_counter() - began
    costs = [segment.length_m / segment.speed_kmh * 3.6 for segment in network.segments]
    facts = {"city_segments": len(network.segments), "city_generated_s": round(made_s, 2)}
    return facts | _timed("city", network, costs, 200)


def _timed(name: str, network: RoadNetwork, costs: list[float], pairs: int) -> Figures:
    rng = random.Random(1)
    cheapest_route(network, costs, *rng.sample(network.strongly_connected, 2))
    taken_ms = []
    for _ in range(pairs):
        start, end = rng.sample(network.strongly_connected, 2)
        began = time.perf_counter()
        cheapest_route(network, costs, start, end)
        taken_ms.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(taken_ms, n=100)
    return {
        f"{name}_route_median_ms": round(cuts[49], 3),
        f"{name}_route_p99_ms": round(cuts[98], 3),
        f"{name}_route_max_ms": round(max(taken_ms), 3),
    }


def _optimal(network: RoadNetwork, costs: list[float]) -> int:
    """Count the pairs on which the search costs what Bellman and Ford's algorithm finds."""
    rng = random.Random(2)
    right = 0
    for start in rng.sample(range(len(network.vertices)), STARTS):
        reference = _cheapest_to_all(network, costs, start)
        for end in rng.choices(range(len(network.vertices)), k=ENDS_OF_EACH):
            route = cheapest_route(network, costs, start, end)
            found = math.inf if route is None else route.cost
            right += math.isclose(found, reference[end], abs_tol=1e-9) or found == reference[end]
    return right


def _cheapest_to_all(network: RoadNetwork, costs: list[float], start: int) -> list[float]:
    reached = [math.inf] * len(network.vertices)
    reached[start] = 0.0
    changed = True
    while changed:
        changed = False
        for segment in network.segments:
            cost = reached[segment.start] + costs[segment.segment_id]
            if cost < reached[segment.end]:
                reached[segment.end], changed = cost, True
    return reached


def _matched(name: str, readings: Readings, truth: list[list[int]]) -> Figures:
    """Match twice, so that the second time knows the ways already, as a resident session does."""
    network = default_network()
    matcher = Matcher(network)
    list(matcher.chains(readings))
    began = time.perf_counter()
    matched: list[list[int]] = [[] for _ in truth]
    for chain in matcher.chains(readings):
        traversals(chain.path, chain.matched, chain.readings)
        matched[chain.trip] += chain.path.segments
    took_s = time.perf_counter() - began
    driven = [(segments, found) for segments, found in zip(truth, matched, strict=True) if segments]
    lengths = [sum(network.segments[i].length_m for i in segments) for segments, _ in driven]
    shares = [right_share(network, segments, found) for segments, found in driven]
    right, surplus = np.average(shares, axis=0, weights=lengths)
    return {
        f"{name}_km": round(sum(lengths) / 1000),
        f"{name}_right_pct": round(float(right) * 100, 2),
        f"{name}_surplus_pct": round(float(surplus) * 100, 2),
        f"{name}_readings_per_s": round(len(readings) / took_s),
    }


if __name__ == "__main__":
    main()
