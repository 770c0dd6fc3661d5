"""Traffic signals: a fixed cycle, green waves along each crossing's main street, the cross street in the pauses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from roads.network import RoadNetwork, Segment
from simulator.trips.places import metres

CYCLE_S: Final = 80.0
_MAIN_GREEN_S: Final = 44.0
_CROSS_GREEN_S: Final = 28.0
"""What is left of the cycle is amber and all red, 4 s after each green."""
_ALL_RED_S: Final = 4.0
_WAVE_MPS: Final = 11.5
_SAME_STREET_DEG: Final = 35.0


@dataclass(frozen=True, slots=True)
class Green:
    """When an approach is open: for `green_s` of each cycle, whenever (time + offset) modulo the cycle is below it."""

    offset_s: float
    green_s: float


def bearing_deg(segment: Segment, *, at_end: bool) -> float:
    """Give the heading in which the segment is left at its end, or entered at its start; 0 is north."""
    one, other = segment.shape[-2:] if at_end else segment.shape[:2]
    east = (other[1] - one[1]) * math.cos(math.radians(one[0]))
    return math.degrees(math.atan2(east, other[0] - one[0])) % 360


def greens(network: RoadNetwork) -> dict[int, Green]:
    """Give the signal that closes each segment at its end, by segment; segments without one are left out."""
    found: dict[int, Green] = {}
    position_m = metres(network, list(range(len(network.vertices)))).tolist()
    for at, vertex in enumerate(network.vertices):
        approaches = [network.segments[number] for number in network.arriving[at]]
        if not vertex.has_signal or not approaches:
            continue
        main = max(approaches, key=lambda segment: (segment.speed_kmh, segment.length_m))
        axis_deg = bearing_deg(main, at_end=True) % 180
        east, north = position_m[at]
        along_m = east * math.sin(math.radians(axis_deg)) + north * math.cos(math.radians(axis_deg))
        wave_s = -along_m / _WAVE_MPS
        for segment in approaches:
            off_deg = abs((bearing_deg(segment, at_end=True) - axis_deg + 90) % 180 - 90)
            is_main = off_deg < _SAME_STREET_DEG
            shift_s = 0.0 if is_main else -(_MAIN_GREEN_S + _ALL_RED_S)
            green_s = _MAIN_GREEN_S if is_main else _CROSS_GREEN_S
            found[segment.segment_id] = Green((wave_s + shift_s) % CYCLE_S, green_s)
    return found
