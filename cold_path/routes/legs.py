"""Legs of a trip: from one stop to the next, so that errands on the way are no detours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from roads import RoadNetwork

STOP_S: Final = 15.0
"""Standing so long where no signal asks for it is a stop."""
STOP_AT_SIGNAL_S: Final = 60.0
"""At a signal a car stands without wanting to; longer than most reds is a stop there as well."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A segment driven; times, fuel and idling are None where it was not driven or heard of as a whole."""

    segment_id: int
    chain: int
    entered_at_ms: int | None
    left_at_ms: int | None
    fuel_ml: float | None
    idle_s: float | None


def legs(passages: Sequence[Passage], network: RoadNetwork) -> list[list[Passage]]:
    """Cut a trip at its stops, where it turned back, and where it was not heard of; the legs hold whole passages."""
    found: list[list[Passage]] = [[]]
    following = [*passages[1:], None]
    for passage, after in zip(passages, following, strict=True):
        if passage.left_at_ms is None:
            found.append([])
            continue
        found[-1].append(passage)
        if after is None or after.chain != passage.chain or _is_end(passage, after, network):
            found.append([])
    return [leg for leg in found if leg]


def _is_end(passage: Passage, after: Passage, network: RoadNetwork) -> bool:
    one, other = network.segments[passage.segment_id], network.segments[after.segment_id]
    turned_back = one.start == other.end
    patience_s = STOP_AT_SIGNAL_S if network.vertices[one.end].has_signal else STOP_S
    return turned_back or (passage.idle_s or 0.0) >= patience_s
