"""One leg of a trip beside the frugal and the fast route between its own ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contracts.road_costs import local_hour, time_of_day
from roads import cheapest_route

if TYPE_CHECKING:
    from cold_path.routes.legs import Passage
    from roads import RoadNetwork
    from roads.costs import CostTable

_ERRANDS: Final = 2.0
"""A leg more than so many times as long as the frugal route went somewhere else on its way: nothing to compare."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What was driven between two vertices, what that way is expected to cost, and two other ways; metres, s, ml."""

    time_of_day: str
    from_vertex_id: int
    to_vertex_id: int
    driven_m: float
    driven_s: float
    driven_fuel_ml: float | None
    expected_s: float
    expected_fuel_ml: float
    frugal_m: float
    frugal_s: float
    frugal_fuel_ml: float
    fast_m: float
    fast_s: float
    fast_fuel_ml: float


def saving(leg: Sequence[Passage], vehicle_class: str, costs: CostTable, network: RoadNetwork) -> Saving | None:
    """Compare a leg, of whole passages; None for a round trip, an errand, or a class without costs.

    Driven and other routes are weighed by the same costs, so a car that burns much is no bad route.
    """
    segments = [passage.segment_id for passage in leg]
    start, end = network.starts[segments[0]], network.ends[segments[-1]]
    entered_at_ms, left_at_ms = leg[0].entered_at_ms or 0, leg[-1].left_at_ms or 0
    at = time_of_day(local_hour(entered_at_ms, network.vertices[start].longitude_deg))
    weighed = costs.costs(vehicle_class, at)
    if start == end or weighed is None:
        return None
    frugal = cheapest_route(network, weighed.fuel_ml, start, end)
    fast = cheapest_route(network, weighed.seconds, start, end)
    assert frugal is not None  # noqa: S101 - the leg itself is a way
    assert fast is not None  # noqa: S101 - as above
    driven_m = _length_m(network, segments)
    frugal_m = _length_m(network, frugal.segments)
    if driven_m > _ERRANDS * frugal_m:
        return None
    seconds, fuel_ml = weighed.seconds, weighed.fuel_ml
    burnt = [passage.fuel_ml for passage in leg]
    return Saving(
        time_of_day=at,
        from_vertex_id=network.vertices[start].vertex_id,
        to_vertex_id=network.vertices[end].vertex_id,
        driven_m=driven_m,
        driven_s=(left_at_ms - entered_at_ms) / 1000,
        driven_fuel_ml=None if None in burnt else math.fsum(ml for ml in burnt if ml is not None),
        expected_s=_sum(seconds, segments),
        expected_fuel_ml=_sum(fuel_ml, segments),
        frugal_m=frugal_m,
        frugal_s=_sum(seconds, frugal.segments),
        frugal_fuel_ml=_sum(fuel_ml, frugal.segments),
        fast_m=_length_m(network, fast.segments),
        fast_s=_sum(seconds, fast.segments),
        fast_fuel_ml=_sum(fuel_ml, fast.segments),
    )


def _sum(costs: Sequence[float], segments: Sequence[int]) -> float:
    return math.fsum(costs[i] for i in segments)


def _length_m(network: RoadNetwork, segments: Sequence[int]) -> float:
    return math.fsum(network.segments[i].length_m for i in segments)
