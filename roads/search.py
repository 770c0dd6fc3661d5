"""Exact cheapest routes for any costs per segment: Dijkstra from both ends."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from roads.network import RoadNetwork


class Route(msgspec.Struct, frozen=True):
    """Segments in driving order, and the sum of their costs in that order; from a vertex to itself: none, and 0."""

    segments: tuple[int, ...]
    cost: float


@dataclass(slots=True)
class _Side:
    """One of the two searches: forwards from the start, or backwards from the end."""

    segments_at: Sequence[Sequence[int]]
    far_end: Sequence[int]
    costs: Sequence[float]
    heap: list[tuple[float, int]]
    reached: dict[int, float]
    reached_by: dict[int, int] = field(default_factory=dict)

    def settle_next(self, other: _Side, best: float, meeting: int) -> tuple[float, int]:
        """Settle this side's nearest vertex; give the cheapest way through both sides so far, and where they meet."""
        cost_so_far, vertex = heapq.heappop(self.heap)
        reached, costs = self.reached, self.costs
        if cost_so_far > reached[vertex]:
            return best, meeting
        for segment in self.segments_at[vertex]:
            neighbour = self.far_end[segment]
            cost = cost_so_far + costs[segment]
            if cost < reached.get(neighbour, math.inf):
                reached[neighbour] = cost
                self.reached_by[neighbour] = segment
                heapq.heappush(self.heap, (cost, neighbour))
                through = cost + other.reached.get(neighbour, math.inf)
                if through < best:
                    best, meeting = through, neighbour
        return best, meeting

    def path(self, vertex: int, near_end: Sequence[int]) -> list[int]:
        """Give the segments between this side's root and a vertex, from the vertex on."""
        segments = []
        while vertex in self.reached_by:
            segments.append(self.reached_by[vertex])
            vertex = near_end[segments[-1]]
        return segments


def cheapest_route(network: RoadNetwork, costs: Sequence[float], start: int, end: int) -> Route | None:
    """Give the cheapest route between two vertices (indexes), None when there is none.

    `costs` holds one per segment, >= 0 in any unit; infinity closes a segment. Searches from both ends by turns and
    stops when no route through what is not settled can be cheaper than the best one met (Nicholson 1966, Pohl 1971).
    Of routes that cost the same it gives the same one every time. Raises ValueError for costs that are none.
    """
    _check(network, costs)
    if start == end:
        return Route((), 0.0)
    ahead = _Side(network.leaving, network.ends, costs, [(0.0, start)], {start: 0.0})
    behind = _Side(network.arriving, network.starts, costs, [(0.0, end)], {end: 0.0})
    best, meeting = math.inf, -1
    while ahead.heap and behind.heap and ahead.heap[0][0] + behind.heap[0][0] < best:
        if ahead.heap[0] <= behind.heap[0]:
            best, meeting = ahead.settle_next(behind, best, meeting)
        else:
            best, meeting = behind.settle_next(ahead, best, meeting)
    if meeting < 0:
        return None
    segments = ahead.path(meeting, network.starts)[::-1] + behind.path(meeting, network.ends)
    return Route(tuple(segments), float(sum(costs[i] for i in segments)))


def _check(network: RoadNetwork, costs: Sequence[float]) -> None:
    if len(costs) != len(network.segments):
        raise ValueError(f"{len(costs)} costs for {len(network.segments)} segments: one for each is needed")
    if len(costs) and not (min(costs) >= 0 and not math.isnan(sum(costs))):
        raise ValueError("a segment's cost is negative or no number, so no route would be the cheapest")
