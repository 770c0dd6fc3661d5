from __future__ import annotations

import math

import pytest

from cold_path.routes.saving import Passage, Saving, saving
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


def passages(*segments: int, unheard: tuple[int, ...] = (), burnt: float | None = 8.0) -> list[Passage]:
    made = []
    for place, segment in enumerate(segments):
        began_ms = NOON_MS + place * 12_000
        known = Passage(segment, began_ms, began_ms + 12_000, burnt)
        made.append(Passage(segment, None, None, None) if place in unheard else known)
    return made


def compared(*segments: int, unheard: tuple[int, ...] = (), vehicle_class: str = "medium") -> Saving | None:
    return saving(passages(*segments, unheard=unheard), vehicle_class, costs(), NETWORK)


def test_a_trip_stands_beside_the_frugal_and_the_fast_way_between_its_ends() -> None:
    found = compared(0, 1)
    assert found is not None
    assert (found.from_vertex_id, found.to_vertex_id, found.time_of_day) == (10, 12, "day")
    assert (found.driven_m, found.driven_s, found.driven_fuel_ml) == (200.0, 24.0, 16.0)
    assert (found.expected_s, found.expected_fuel_ml) == (20.0, 18.0)
    assert (found.frugal_m, found.frugal_s, found.frugal_fuel_ml) == (120.0, 60.0, 11.0)
    assert (found.fast_m, found.fast_s, found.fast_fuel_ml) == (200.0, 20.0, 18.0)


def test_segments_at_the_ends_that_were_not_driven_whole_are_left_out() -> None:
    found = compared(4, 0, 1, unheard=(0,))
    assert found is not None
    assert (found.from_vertex_id, found.driven_m) == (10, 200.0)


@pytest.mark.parametrize(
    ("segments", "unheard", "vehicle_class"),
    [((0, 1), (0, 1), "medium"), ((2, 3, 4), (), "medium"), ((0, 1, 4, 0), (2,), "medium"), ((0, 1), (), "heavy")],
    ids=["nothing whole", "a round trip", "a part that nobody heard of", "a class without costs"],
)
def test_what_says_nothing_is_not_compared(
    segments: tuple[int, ...], unheard: tuple[int, ...], vehicle_class: str
) -> None:
    assert compared(*segments, unheard=unheard, vehicle_class=vehicle_class) is None


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
