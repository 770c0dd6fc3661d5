"""Which vertices reach each other: the strongly connected part of a directed graph."""

from __future__ import annotations

from collections.abc import Sequence

Neighbours = Sequence[Sequence[int]]
"""The vertices to which an edge leads, by vertex."""


def largest_strong_part(neighbours: Neighbours) -> tuple[int, ...]:
    """Give the largest set of vertices of which each is reached from each other, ascending; of equals, any one.

    Kosaraju's algorithm (Sharir 1981) without recursion: linear in vertices and edges.
    """
    backwards = _reversed(neighbours)
    seen = [False] * len(neighbours)
    best: list[int] = []
    for vertex in reversed(_by_finish(neighbours)):
        if not seen[vertex]:
            part = _reached(backwards, vertex, seen)
            best = part if len(part) > len(best) else best
    return tuple(sorted(best))


def _reversed(neighbours: Neighbours) -> list[list[int]]:
    backwards: list[list[int]] = [[] for _ in neighbours]
    for vertex, ends in enumerate(neighbours):
        for end in ends:
            backwards[end].append(vertex)
    return backwards


def _by_finish(neighbours: Neighbours) -> list[int]:
    """Order the vertices as a depth-first walk leaves them."""
    seen = [False] * len(neighbours)
    finished: list[int] = []
    for root in range(len(neighbours)):
        if seen[root]:
            continue
        seen[root] = True
        walk = [(root, iter(neighbours[root]))]
        while walk:
            vertex, ends = walk[-1]
            following = next((end for end in ends if not seen[end]), None)
            if following is None:
                finished.append(vertex)
                walk.pop()
            else:
                seen[following] = True
                walk.append((following, iter(neighbours[following])))
    return finished


def _reached(neighbours: Neighbours, start: int, seen: list[bool]) -> list[int]:
    seen[start] = True
    part = [start]
    for vertex in part:
        for end in neighbours[vertex]:
            if not seen[end]:
                seen[end] = True
                part.append(end)
    return part
