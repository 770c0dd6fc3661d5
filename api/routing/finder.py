"""The cheapest routes between two places, by fuel, time and distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from api.answers.road import By, PlaceAnswer, RoutesAnswer
from api.errors import Unknown
from api.routing.drawing import route_feature
from contracts.errors import InvalidInput, Unavailable
from roads import cheapest_route
from roads.costs import Costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.answers.road import RouteFeature
    from api.routing.atlas import Atlas, Learnt
    from api.routing.places import Place, Places
    from contracts.road_costs import TimeOfDay, VehicleClass

_MEASURES: Final[tuple[By, ...]] = get_args(By)


class RouteFinder:
    """Finds routes over an atlas."""

    def __init__(self, atlas: Atlas, places: Places) -> None:
        """Take both; nothing is read."""
        self._atlas = atlas
        self._places = places

    def routes(
        self, ends: tuple[str, str], by: By, vehicle_class: VehicleClass, time_of_day: TimeOfDay, learnt: Learnt
    ) -> RoutesAnswer:
        """Give the route asked for, then those by the other measures that are known.

        Raises Unknown for a place that is not there or cannot be reached, InvalidInput when both are one place,
        Unavailable for fuel before a version knows what roads cost.
        """
        start, end = (self._places.find(text) for text in ends)
        if start.vertex == end.vertex:
            raise InvalidInput(f"from and to are both {start.name}: a route needs two places")
        costs = self._costs(vehicle_class, time_of_day, learnt)
        if by == "fuel" and not costs.fuel_ml:
            message = (
                "no published version knows yet what roads cost in fuel; the next ones will: ask by time till then"
            )
            raise Unavailable(message)
        measured: dict[By, Sequence[float]] = {
            "fuel": costs.fuel_ml,
            "time": costs.seconds,
            "distance": self._atlas.lengths_m(),
        }
        asked_first = sorted((one for one in _MEASURES if measured[one]), key=lambda one: one != by)
        return RoutesAnswer(
            features=[self._route(start, end, one, measured[one], costs) for one in asked_first],
            from_=self._answer(start),
            to=self._answer(end),
            vehicle_class=vehicle_class,
            time_of_day=time_of_day,
            costs="learnt" if costs.fuel_ml else "speed limits",
            batch_view_version=learnt.version,
        )

    def _costs(self, vehicle_class: VehicleClass, time_of_day: TimeOfDay, learnt: Learnt) -> Costs:
        if learnt.table is None:
            return Costs(self._atlas.free_flow_s(), ())
        costs = learnt.table.costs(vehicle_class, time_of_day)
        if costs is None:
            raise Unknown(f"version {learnt.version} has no costs for {vehicle_class} vehicles: none is registered")
        return costs

    def _route(self, start: Place, end: Place, by: By, measure: Sequence[float], costs: Costs) -> RouteFeature:
        network = self._atlas.network
        found = cheapest_route(network, measure, start.vertex, end.vertex)
        if found is None:
            raise Unknown(f"no way leads from {start.name} to {end.name}: one of them is cut off by one-way streets")
        return route_feature(network, found.segments, by, costs)

    def _answer(self, place: Place) -> PlaceAnswer:
        latitude_deg, longitude_deg = self._places.position(place.vertex)
        return PlaceAnswer(
            vertex_id=self._atlas.network.vertices[place.vertex].vertex_id,
            name=place.name,
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            snapped_m=place.snapped_m,
        )
