from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest

from cold_path.routes.legs import Passage, legs
from cold_path.routes.saving import Saving, saving
from roads import RoadNetwork, Segment, Vertex
from roads.costs import CostRow, CostTable

LENGTHS_M = {(0, 1): 100.0, (1, 2): 100.0, (0, 3): 60.0, (3, 2): 60.0, (2, 0): 300.0}
NETWORK = RoadNetwork(
    tuple(Vertex(10 + i, 48.0 + i / 1_000, 9.0, 0.0, has_signal=False) for i in range(4)),
    tuple(
        Segment(i, *ends, length, 36.0, 0.0, "residential", "", ((48.0, 9.0), (48.001, 9.0)))
        for i, (ends, length) in enumerate(LENGTHS_M.items())
    ),
)
SECONDS = [10.0, 10.0, 30.0, 30.0, 30.0]
FUEL_ML = [9.0, 9.0, 5.0, 6.0, 20.0]
NOON_MS = 1_795_046_400_000 + 11 * 3_600_000


def costs(**changed: list[float]) -> CostTable:
    seconds, fuel_ml = changed.get("seconds", SECONDS), changed.get("fuel_ml", FUEL_ML)
    return CostTable([CostRow(i, "medium", "all", seconds[i], fuel_ml[i]) for i in range(5)], 5)


def passages(*segments: int, idle: dict[int, float] | None = None, burnt: float | None = 8.0) -> list[Passage]:
    """Drive segments, 12 s each; `idle` by place, negative where nobody heard of the segment as a whole."""
    made = []
    for place, segment in enumerate(segments):
        idle_s, began_ms = (idle or {}).get(place, 0.0), NOON_MS + place * 12_000
        known = Passage(segment, 0, began_ms, began_ms + 12_000, burnt, idle_s)
        made.append(known if idle_s >= 0 else Passage(segment, 0, None, None, None, None))
    return made


def compared(*segments: int, vehicle_class: str = "medium") -> Saving | None:
    return saving(passages(*segments), vehicle_class, costs(), NETWORK)


def cut(made: list[Passage], network: RoadNetwork = NETWORK) -> list[list[int]]:
    return [[passage.segment_id for passage in leg] for leg in legs(made, network)]


def test_a_leg_stands_beside_the_frugal_and_the_fast_way_between_its_ends() -> None:
    found = compared(0, 1)
    assert found is not None
    assert (found.from_vertex_id, found.to_vertex_id, found.time_of_day) == (10, 12, "day")
    assert (found.driven_m, found.driven_s, found.driven_fuel_ml) == (200.0, 24.0, 16.0)
    assert (found.expected_s, found.expected_fuel_ml) == (20.0, 18.0)
    assert (found.frugal_m, found.frugal_s, found.frugal_fuel_ml) == (120.0, 60.0, 11.0)
    assert (found.fast_m, found.fast_s, found.fast_fuel_ml) == (200.0, 20.0, 18.0)


@pytest.mark.parametrize(
    ("segments", "vehicle_class"), [((2, 3, 4), "medium"), ((0, 1), "heavy")], ids=["a round trip", "no such class"]
)
def test_what_says_nothing_is_not_compared(segments: tuple[int, ...], vehicle_class: str) -> None:
    assert compared(*segments, vehicle_class=vehicle_class) is None


def test_a_leg_ends_where_the_car_stands_without_a_signal() -> None:
    assert cut(passages(0, 1, 4, 2, idle={1: 20.0, 2: 10.0})) == [[0, 1], [4, 2]]


def test_a_red_light_is_no_stop() -> None:
    signals = tuple(msgspec.structs.replace(vertex, has_signal=True) for vertex in NETWORK.vertices)
    network = RoadNetwork(signals, NETWORK.segments)
    assert cut(passages(0, 1, 4, 2, idle={1: 50.0, 2: 70.0}), network) == [[0, 1, 4], [2]]


def test_a_leg_ends_where_the_car_turns_back() -> None:
    back = Segment(5, 2, 1, 100.0, 36.0, 0.0, "residential", "", ((48.001, 9.0), (48.0, 9.0)))
    assert cut(passages(0, 1, 5), RoadNetwork(NETWORK.vertices, (*NETWORK.segments, back))) == [[0, 1], [5]]


def test_what_nobody_heard_of_is_in_no_leg() -> None:
    assert cut(passages(4, 0, 1, 4, 0, idle={0: -1.0, 3: -1.0})) == [[0, 1], [0]]


def test_a_break_of_the_chain_ends_a_leg() -> None:
    one, other = passages(0, 1)
    assert cut([one, dataclasses.replace(other, chain=1)]) == [[0], [1]]


def test_errands_on_the_way_are_not_compared() -> None:
    assert compared(0, 1, 4, 2, 3) is None


def test_unknown_fuel_leaves_the_rest() -> None:
    found = saving(passages(0, 1, burnt=None), "medium", costs(), NETWORK)
    assert found is not None
    assert (found.driven_fuel_ml, found.expected_fuel_ml) == (None, 18.0)


def test_a_segment_without_costs_is_closed() -> None:
    table = CostTable([CostRow(0, "medium", "all", 1.0, 1.0)], 5)
    known = table.costs("medium", "night")
    assert known is not None
    assert known.seconds[0] == 1.0
    assert math.isinf(known.fuel_ml[1])
    assert table.costs("light", "all") is None
