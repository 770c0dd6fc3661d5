"""Places on the road network as people name them: a position, a vertex, a street, a crossing of two streets."""

from __future__ import annotations

import difflib
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from api.errors import Unknown
from contracts.errors import InvalidInput
from roads.geodesy import METRES_A_DEGREE, Position, great_circle_m

if TYPE_CHECKING:
    from roads import RoadNetwork

FURTHEST_M: Final = 1_000.0
"""A position further than this from every vertex is not on this network."""

_POSITION: Final = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")
_CROSSING: Final = re.compile(r"\s+(?:&|and|at|/)\s+|\s*[&/]\s*", re.IGNORECASE)
_MOST_LATITUDE, _MOST_LONGITUDE = 90.0, 180.0
_STREETS: Final = 2


class Place(NamedTuple):
    """A vertex (index), what it is called, and how far it is from what was asked for."""

    vertex: int
    name: str
    snapped_m: float


class Places:
    """Finds places of one network."""

    def __init__(self, network: RoadNetwork) -> None:
        """Collect the streets at every vertex."""
        self._network = network
        self._by_id = {vertex.vertex_id: i for i, vertex in enumerate(network.vertices)}
        self._streets: list[dict[str, None]] = [{} for _ in network.vertices]
        self._vertices: dict[str, set[int]] = {}
        self._names: dict[str, str] = {}
        for segment in network.segments:
            for name in filter(None, segment.name.split(" / ")):
                self._names.setdefault(name.casefold(), name)
                for vertex in (segment.start, segment.end):
                    self._streets[vertex][name] = None
                    self._vertices.setdefault(name.casefold(), set()).add(vertex)

    def name(self, vertex: int) -> str:
        """Give the streets that meet at a vertex, or its id where none has a name."""
        streets = list(self._streets[vertex])[:_STREETS]
        return " & ".join(streets) or f"vertex {self._network.vertices[vertex].vertex_id}"

    def name_of_id(self, vertex_id: int) -> str:
        """Give the name of a vertex by the file's id, the id itself for one of another network."""
        vertex = self._by_id.get(vertex_id)
        return f"vertex {vertex_id}" if vertex is None else self.name(vertex)

    def position(self, vertex: int) -> Position:
        """Give where a vertex is."""
        found = self._network.vertices[vertex]
        return found.latitude_deg, found.longitude_deg

    def find(self, text: str) -> Place:
        """Read `39.74,-104.99`, a vertex id, a street, or two streets joined by `&`, `and`, `at` or `/`.

        A street alone is its vertex nearest to the street's middle. Raises Unknown for what is not on the network,
        InvalidInput for a position that is nowhere on earth.
        """
        if position := _POSITION.fullmatch(text):
            return self._nearest((float(position[1]), float(position[2])))
        if text.strip().isdecimal():
            return self._vertex(text.strip())
        streets = [part for part in _CROSSING.split(text.strip()) if part]
        if len(streets) > _STREETS or not streets:
            raise InvalidInput(f"{text!r} is no place: give latitude,longitude, a vertex id, a street or two with &")
        shared = set.intersection(*(self._of_street(street) for street in streets))
        if not shared:
            raise Unknown(f"{' and '.join(streets)} do not meet on this network; /v1/roads shows it")
        vertex = self._middle(shared)
        return Place(vertex, self.name(vertex), 0.0)

    def _nearest(self, position: Position) -> Place:
        latitude_deg, longitude_deg = position
        if abs(latitude_deg) > _MOST_LATITUDE or abs(longitude_deg) > _MOST_LONGITUDE:
            raise InvalidInput(f"{latitude_deg},{longitude_deg} is nowhere: latitude first, then longitude, in degrees")
        narrowed = math.cos(math.radians(latitude_deg))
        vertex, squared_deg = min(
            (
                (i, (one.latitude_deg - latitude_deg) ** 2 + ((one.longitude_deg - longitude_deg) * narrowed) ** 2)
                for i, one in enumerate(self._network.vertices)
            ),
            key=lambda found: found[1],
        )
        if math.sqrt(squared_deg) * METRES_A_DEGREE > FURTHEST_M:
            raise Unknown(
                f"{latitude_deg},{longitude_deg} is more than {FURTHEST_M:g} m from every road of this network; "
                "/v1/roads shows it, and --roads gives the API another"
            )
        return Place(vertex, self.name(vertex), round(great_circle_m(position, self.position(vertex)), 1))

    def _vertex(self, text: str) -> Place:
        vertex = self._by_id.get(int(text))
        if vertex is None:
            raise Unknown(f"the network has no vertex {text[:30]}; /v1/roads names the two of each segment")
        return Place(vertex, self.name(vertex), 0.0)

    def _of_street(self, street: str) -> set[int]:
        """Give a street's vertices by its name, or by the end of exactly one name: `Colfax Avenue`."""
        asked = street.casefold()
        names = [asked] if asked in self._vertices else [name for name in self._vertices if name.endswith(f" {asked}")]
        if not names:
            near = difflib.get_close_matches(asked, self._vertices, n=3, cutoff=0.5)
            hint = f"; near to it are {', '.join(self._names[name] for name in near)}" if near else ""
            raise Unknown(f"no street of this network is called {street[:80]!r}{hint}")
        return set().union(*(self._vertices[name] for name in names))

    def _middle(self, vertices: set[int]) -> int:
        """Give the vertex nearest to the middle of several."""
        places = {vertex: self.position(vertex) for vertex in sorted(vertices)}
        middle = (
            sum(latitude for latitude, _ in places.values()) / len(places),
            sum(longitude for _, longitude in places.values()) / len(places),
        )
        return min(places, key=lambda vertex: great_circle_m(places[vertex], middle))
