"""Shortest ways between vertices not far apart: Dijkstra up to a bound, remembered by the vertex it began at."""

from __future__ import annotations

import heapq
import math
from typing import Final

import numpy as np

from cold_path.matching.readings import Floats, Ints
from roads import RoadNetwork

_SMALLEST_BOUND_M: Final = 500.0
_MOST_REMEMBERED: Final = 2_000_000
"""Reached vertices over all searches: some 300 MB."""


class Reach:
    """Distances and ways within bounds over one network; each vertex is searched from once a bound."""

    def __init__(self, network: RoadNetwork) -> None:
        """Search nothing yet."""
        self._network = network
        self._lengths = [segment.length_m for segment in network.segments]
        self._searched: dict[int, tuple[float, dict[int, tuple[float, int]]]] = {}

    def forget_many(self) -> None:
        """Forget all searches once they are many; between batches, since `way` reads what `distances` found."""
        if sum(len(reached) for _, reached in self._searched.values()) > _MOST_REMEMBERED:
            self._searched.clear()

    def distances(self, start: Ints, end: Ints, bound_m: Floats) -> Floats:
        """Give the length of the shortest way for each pair of vertices, infinite above the pair's bound."""
        count = len(self._network.vertices)
        keys, where = np.unique(start * count + end, return_inverse=True)
        starts, ends = np.divmod(keys, count)
        furthest = np.zeros(count)
        np.maximum.at(furthest, start, bound_m)
        found = np.full(len(keys), np.inf)
        previous, reached = -1, {}
        for i, (one, other) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            if one != previous:
                previous, reached = one, self._from(one, float(furthest[one]))
            if other in reached:
                found[i] = reached[other][0]
        distances: Floats = found[where]
        distances[distances > bound_m] = np.inf
        return distances

    def way(self, start: int, end: int) -> list[int]:
        """Give the segments of the shortest way between two vertices of which `distances` found one."""
        reached = self._searched[start][1]
        segments: list[int] = []
        while end != start:
            segments.append(reached[end][1])
            end = self._network.starts[segments[-1]]
        return segments[::-1]

    def _from(self, start: int, bound_m: float) -> dict[int, tuple[float, int]]:
        """Give each vertex within the bound with its distance and the segment that leads to it."""
        searched = self._searched.get(start)
        if searched is None or searched[0] < bound_m:
            wide = _SMALLEST_BOUND_M * 2 ** math.ceil(math.log2(max(1.0, bound_m / _SMALLEST_BOUND_M)))
            searched = self._searched[start] = (wide, self._search(start, wide))
        return searched[1]

    def _search(self, start: int, bound_m: float) -> dict[int, tuple[float, int]]:
        leaving, ends, lengths = self._network.leaving, self._network.ends, self._lengths
        reached: dict[int, tuple[float, int]] = {start: (0.0, -1)}
        heap = [(0.0, start)]
        while heap:
            distance, vertex = heapq.heappop(heap)
            if distance > reached[vertex][0]:
                continue
            for segment in leaving[vertex]:
                further, neighbour = distance + lengths[segment], ends[segment]
                if further <= bound_m and (neighbour not in reached or further < reached[neighbour][0]):
                    reached[neighbour] = (further, segment)
                    heapq.heappush(heap, (further, neighbour))
        return reached
