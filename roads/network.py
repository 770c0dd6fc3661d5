"""A road network: vertices (crossings, dead ends) joined by directed segments; immutable once built."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import msgspec

from roads.connection import largest_strong_part
from roads.geodesy import Position


class Vertex(msgspec.Struct, frozen=True, array_like=True):
    """A crossing or dead end (WGS 84); `vertex_id` is the file's name for it, not its index in the network."""

    vertex_id: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    has_signal: bool


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """One direction of a road between two vertices; `segment_id`, `start` and `end` are indexes in the network."""

    segment_id: int
    start: int
    end: int
    length_m: float
    speed_kmh: float
    """The speed that the road allows."""
    grade: float
    """Rise over run, from start to end."""
    road_class: str
    """OpenStreetMap's value of `highway`."""
    name: str
    """The street's name, or ""; of several, joined by " / "."""
    shape: tuple[Position, ...]
    """At least two positions, from start to end."""


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """Vertices and segments, each `segment_id` being its index. What is derived is computed once, when first asked."""

    vertices: tuple[Vertex, ...]
    segments: tuple[Segment, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The vertex at which a segment starts, by segment: `segments[i].start`, as an array for tight loops."""
        return tuple(segment.start for segment in self.segments)

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """The vertex at which a segment ends, by segment."""
        return tuple(segment.end for segment in self.segments)

    @cached_property
    def leaving(self) -> tuple[tuple[int, ...], ...]:
        """The ids of the segments that start at a vertex, by vertex."""
        return self._grouped(self.starts)

    @cached_property
    def arriving(self) -> tuple[tuple[int, ...], ...]:
        """The ids of the segments that end at a vertex, by vertex."""
        return self._grouped(self.ends)

    @cached_property
    def strongly_connected(self) -> tuple[int, ...]:
        """The vertices (indexes, ascending) of the largest part in which each can be reached from each other."""
        return largest_strong_part([[self.ends[i] for i in ids] for ids in self.leaving])

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all values of vertices and segments: the same network, whatever file it came from."""
        return hashlib.sha256(msgspec.msgpack.encode((self.vertices, self.segments))).hexdigest()

    def _grouped(self, vertex_by_segment: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        ids: list[list[int]] = [[] for _ in self.vertices]
        for segment_id, vertex in enumerate(vertex_by_segment):
            ids[vertex].append(segment_id)
        return tuple(map(tuple, ids))
