"""Are savings real? Costs learnt from one half of the trips choose routes; the other half says what those cost.

A cheapest route is chosen among estimates, so it tends to be one whose cost was estimated too low. What it saves by
the costs that chose it is claimed; by costs that know nothing of these trips, it is honest.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cold_path.matching.matcher import Matcher
from cold_path.matching.readings import Readings
from cold_path.matching.traversal import traversals
from cold_path.routes.estimation import estimated
from cold_path.routes.legs import Passage, legs
from roads import RoadNetwork, cheapest_route, default_network

MODEL_ML_A_M = 0.08
QUANTITIES = ("seconds", "fuel_ml")
ERRANDS = 2.0
"""As in `cold_path.routes.saving`: a leg so much longer than the route went somewhere else on its way."""


def held_out(readings: Readings) -> dict[str, float]:
    """Give the percentages that the cheapest routes save over the legs driven, claimed and honest, by time and fuel."""
    network = default_network()
    driven = _passages(network, readings)
    halves = [{trip: made for trip, made in driven.items() if trip % 2 == half} for half in (0, 1)]
    costs = [_costs(network, half) for half in halves]
    sums = dict.fromkeys([(q, kind) for q in QUANTITIES for kind in ("driven", "claimed", "honest")], 0.0)
    for fit, half in enumerate(halves):
        fitted, other = costs[fit], costs[1 - fit]
        for leg in (leg for made in half.values() for leg in legs(made, network)):
            segments = [passage.segment_id for passage in leg]
            start, end = network.starts[segments[0]], network.ends[segments[-1]]
            for quantity in QUANTITIES:
                found = cheapest_route(network, fitted[quantity], start, end)
                if found is None or _length_m(network, segments) > ERRANDS * _length_m(network, found.segments):
                    continue
                sums[quantity, "driven"] += sum(other[quantity][i] for i in segments)
                sums[quantity, "claimed"] += found.cost
                sums[quantity, "honest"] += sum(other[quantity][i] for i in found.segments)
    return {
        f"{kind}_saving_{quantity}_pct": round((1 - sums[quantity, kind] / sums[quantity, "driven"]) * 100, 1)
        for quantity in QUANTITIES
        for kind in ("claimed", "honest")
    }


def _length_m(network: RoadNetwork, segments: Iterable[int]) -> float:
    return sum(network.segments[i].length_m for i in segments)


def _passages(network: RoadNetwork, readings: Readings) -> dict[int, list[Passage]]:
    found: dict[int, list[Passage]] = {}
    chains = Matcher(network).chains(readings)
    for number, chain in enumerate(chains):
        made = traversals(chain.path, chain.matched, chain.readings)
        for i in range(len(made.segment)):
            known = bool(made.is_whole[i])
            times = (int(made.entered_at_ms[i]), int(made.left_at_ms[i])) if known else (None, None)
            counted = (float(made.fuel_ml[i]), float(made.idle_s[i])) if known else (None, None)
            found.setdefault(chain.trip, []).append(Passage(int(made.segment[i]), number, *times, *counted))
    return found


def _costs(network: RoadNetwork, driven: dict[int, list[Passage]]) -> dict[str, list[float]]:
    """Learn one class's costs; fuel by a plain share of the length, which the ratios correct."""
    rows = [
        (one.segment_id, (one.left_at_ms - one.entered_at_ms) / 1000, one.fuel_ml)
        for made in driven.values()
        for one in made
        if one.left_at_ms is not None and one.entered_at_ms is not None
    ]
    passages = pd.DataFrame(rows, columns=["segment_id", *QUANTITIES])
    model = pd.DataFrame(
        {
            "segment_id": range(len(network.segments)),
            "vehicle_class": "medium",
            "road_group": [f"{s.road_class} {network.vertices[s.end].has_signal}" for s in network.segments],
            "model_seconds": [s.length_m / s.speed_kmh * 3.6 for s in network.segments],
            "model_fuel_ml": [s.length_m * MODEL_ML_A_M for s in network.segments],
        }
    )
    with_model = passages.merge(model, on="segment_id")
    sums = pd.DataFrame({"traversals": with_model.groupby("segment_id").size().astype(float)})
    for quantity in QUANTITIES:
        ratio = (with_model[quantity] / with_model[f"model_{quantity}"]).clip(upper=10.0)
        by_segment = ratio.groupby(with_model["segment_id"])
        sums[f"{quantity}_count"] = by_segment.count().astype(float)
        sums[f"{quantity}_total"] = by_segment.sum()
        sums[f"{quantity}_squares"] = (ratio**2).groupby(with_model["segment_id"]).sum()
    cells = model.merge(sums.reset_index(), how="left", on="segment_id").fillna(dict.fromkeys(sums.columns, 0.0))
    costs = estimated(cells.assign(time_of_day=None))
    return {quantity: costs.sort_values("segment_id")[quantity].tolist() for quantity in QUANTITIES}
