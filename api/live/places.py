"""Where all vehicles are, kept while somebody looks: what moved since a moment, inside a viewport, thinned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.live.position import Vector
    from api.queries.positions import Box, Place

CELLS: Final = 32
"""A viewport is thinned to one vehicle in each of CELLS x CELLS cells, and those with open alerts."""


class Viewport(NamedTuple):
    """What a client looks at."""

    box: Box
    fleet: str | None = None

    def holds(self, place: Place) -> bool:
        """Tell whether a place is in it."""
        box = self.box
        if not box.south <= place.latitude_deg <= box.north or self.fleet not in (None, place.fleet):
            return False
        if box.west <= box.east:
            return box.west <= place.longitude_deg <= box.east
        return place.longitude_deg >= box.west or place.longitude_deg <= box.east

    def cell(self, place: Place) -> tuple[int, int]:
        """Give the cell of a place that it holds."""
        box = self.box
        wide = (box.east - box.west) % 360 or 360.0
        east = ((place.longitude_deg - box.west) % 360) / wide
        north = (place.latitude_deg - box.south) / ((box.north - box.south) or 1.0)
        return min(CELLS - 1, int(east * CELLS)), min(CELLS - 1, int(north * CELLS))


def moved(places: Iterable[Place], since: Vector) -> list[Place]:
    """Give those of which a reading at or beyond these offsets is known."""
    return [place for place in places if place.source_offset >= since[place.partition]]


def thinned(places: Iterable[Place], view: Viewport) -> list[Place]:
    """Give those that a viewport shows: of a cell the one that alerts, else the one with the lowest VIN.

    The lowest VIN, so that the dots of a map do not jump from car to car.
    """
    shown: dict[tuple[int, int], Place] = {}
    alerted = []
    for place in places:
        if not view.holds(place):
            continue
        if place.is_alerted:
            alerted.append(place)
            continue
        cell = view.cell(place)
        known = shown.get(cell)
        if known is None or place.vehicle_id < known.vehicle_id:
            shown[cell] = place
    return [*alerted, *shown.values()]
