from __future__ import annotations

import math
import random

import pytest

from roads import RoadNetwork, Segment, Vertex, cheapest_route, default_network
from roads.generated_city import generated_city


def _network(*ends: tuple[int, int], vertices: int = 4) -> RoadNetwork:
    at = [(48.0 + i / 1_000, 9.0) for i in range(vertices)]
    return RoadNetwork(
        tuple(Vertex(i, *at[i], 0.0, has_signal=False) for i in range(vertices)),
        tuple(
            Segment(i, start, end, 111.0, 50.0, 0.0, "residential", "", (at[start], at[end]))
            for i, (start, end) in enumerate(ends)
        ),
    )


def _cheapest_to_all(network: RoadNetwork, costs: list[float], start: int) -> list[float]:
    """Bellman and Ford's reference: relax every segment until nothing changes."""
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


@pytest.mark.parametrize("by", ["distance", "time", "random"])
def test_a_route_is_optimal_on_500_random_pairs(by: str) -> None:
    network, rng = default_network(), random.Random(by)
    costs = [
        {"distance": s.length_m, "time": s.length_m / s.speed_kmh * 3.6, "random": rng.choice([0.0, rng.random()])}[by]
        for s in network.segments
    ]
    vertices = range(len(network.vertices))
    for start in rng.sample(vertices, 25):
        reference = _cheapest_to_all(network, costs, start)
        for end in rng.choices(vertices, k=20):
            route = cheapest_route(network, costs, start, end)
            found = math.inf if route is None else route.cost
            assert found == pytest.approx(reference[end], abs=1e-9)


def test_a_route_joins_its_ends_segment_by_segment_and_costs_their_sum() -> None:
    network = generated_city(seed=3, segments=2_000)
    costs = [segment.length_m for segment in network.segments]
    route = cheapest_route(network, costs, 0, len(network.vertices) - 1)
    assert route is not None
    segments = [network.segments[i] for i in route.segments]
    assert [segment.start for segment in segments] == [0, *(segment.end for segment in segments[:-1])]
    assert segments[-1].end == len(network.vertices) - 1
    assert route.cost == sum(segment.length_m for segment in segments)


def test_the_same_question_has_the_same_answer() -> None:
    network = generated_city(seed=3, segments=500)
    costs = [1.0] * len(network.segments)
    assert cheapest_route(network, costs, 0, 90) == cheapest_route(network, costs, 0, 90)


def test_one_way_streets_are_one_way() -> None:
    network = _network((0, 1), (1, 2))
    assert cheapest_route(network, [1.0, 1.0], 0, 2) is not None
    assert cheapest_route(network, [1.0, 1.0], 2, 0) is None


def test_a_route_from_a_vertex_to_itself_is_empty() -> None:
    route = cheapest_route(_network((0, 1), (1, 0)), [1.0, 1.0], 1, 1)
    assert route is not None
    assert (route.segments, route.cost) == ((), 0.0)


def test_an_infinite_cost_closes_a_segment() -> None:
    network = _network((0, 1), (0, 2), (2, 1))
    detour = cheapest_route(network, [math.inf, 1.0, 1.0], 0, 1)
    assert detour is not None
    assert detour.segments == (1, 2)
    assert cheapest_route(network, [math.inf, math.inf, 1.0], 0, 1) is None


def test_of_two_parallel_segments_the_cheaper_is_driven() -> None:
    route = cheapest_route(_network((0, 1), (0, 1)), [2.0, 1.0], 0, 1)
    assert route is not None
    assert route.segments == (1,)


@pytest.mark.parametrize("costs", [[1.0], [1.0, -1.0], [1.0, math.nan], [math.nan, 1.0]])
def test_costs_that_are_none_are_refused(costs: list[float]) -> None:
    with pytest.raises(ValueError, match="cost"):
        cheapest_route(_network((0, 1), (1, 2)), costs, 0, 2)
