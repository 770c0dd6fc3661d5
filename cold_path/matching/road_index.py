"""The network for matching: its straight pieces in a plane of metres, in a spatial index (shapely's STR tree)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely

from cold_path.matching.readings import Floats, Ints
from roads import RoadNetwork
from roads.geodesy import METRES_A_DEGREE


@dataclass(frozen=True, slots=True)
class Near:
    """Pairs of a point and a segment near it, at the segment's piece that is nearest."""

    point: Ints
    segment: Ints
    distance_m: Floats
    along_m: Floats
    """From the segment's start to the place on it that is nearest to the point."""
    bearing_deg: Floats


class RoadIndex:
    """Finds the segments near positions. An equirectangular plane around the network's middle: fine for one city."""

    def __init__(self, network: RoadNetwork) -> None:
        """Cut the segments into their straight pieces."""
        self.network = network
        self._middle = np.mean([(v.latitude_deg, v.longitude_deg) for v in network.vertices], axis=0)
        self.length_m: Floats = np.array([segment.length_m for segment in network.segments])
        self.start: Ints = np.array(network.starts, dtype=np.int64)
        self.end: Ints = np.array(network.ends, dtype=np.int64)
        shapes = [np.array(segment.shape) for segment in network.segments]
        lines = [self.in_metres(shape[:, 0], shape[:, 1]) for shape in shapes]
        self._segment: Ints = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in lines])
        self._from: Floats = np.concatenate([line[:-1] for line in lines])
        self._to: Floats = np.concatenate([line[1:] for line in lines])
        way = self._to - self._from
        self._piece_m: Floats = np.hypot(way[:, 0], way[:, 1])
        self._bearing_deg: Floats = np.degrees(np.arctan2(way[:, 0], way[:, 1])) % 360
        drawn_m = np.bincount(self._segment, self._piece_m)
        self._stretch: Floats = (self.length_m / np.maximum(drawn_m, 1e-9))[self._segment]
        before = np.cumsum(self._piece_m) - self._piece_m
        self._before_m: Floats = before - (np.cumsum(drawn_m) - drawn_m)[self._segment]
        self._tree = shapely.STRtree(shapely.linestrings(np.stack([self._from, self._to], axis=1)))

    def in_metres(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Give positions as rows of (east, north) from the network's middle."""
        narrowed = METRES_A_DEGREE * math.cos(math.radians(self._middle[0]))
        east = (longitude_deg - self._middle[1]) * narrowed
        north = (latitude_deg - self._middle[0]) * METRES_A_DEGREE
        return np.stack([east, north], axis=1)

    def near(self, points: Floats, within_m: float) -> Near:
        """Give every segment within a distance of each point (rows of in_metres), once each, ordered by point."""
        point, piece = self._tree.query(shapely.points(points), predicate="dwithin", distance=within_m)
        offset = points[point] - self._from[piece]
        way = (self._to - self._from)[piece]
        length = np.maximum(self._piece_m[piece], 1e-9)
        along = np.clip((offset * way).sum(axis=1) / length, 0, length)
        beside = offset - way * (along / length)[:, None]
        distance = np.hypot(beside[:, 0], beside[:, 1])
        nearest = np.lexsort((distance, self._segment[piece], point))
        first = np.ones(len(nearest), dtype=np.bool_)
        pairs = point[nearest] * len(self.length_m) + self._segment[piece[nearest]]
        first[1:] = pairs[1:] != pairs[:-1]
        kept = nearest[first]
        of_piece = piece[kept]
        return Near(
            point[kept],
            self._segment[of_piece],
            distance[kept],
            (self._before_m[of_piece] + along[kept]) * self._stretch[of_piece],
            self._bearing_deg[of_piece],
        )
