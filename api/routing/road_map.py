"""The whole network with its costs as one document, kept ready, plain and packed."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from api.queries.roads import traversals
from api.representation import tag_of
from api.routing.drawing import road_feature
from contracts.road_costs import TIMES_OF_DAY, VEHICLE_CLASSES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.routing.atlas import Atlas
    from contracts.road_costs import TimeOfDay, VehicleClass

_MOST: Final = len(VEHICLE_CLASSES) * len(TIMES_OF_DAY)
"""As many as a version has: whoever asks for one after another has none made twice."""
_ATTRIBUTION: Final = "© OpenStreetMap contributors, ODbL 1.0"


class RoadDocument(NamedTuple):
    """One document; `packed` by gzip."""

    tag: str
    plain: bytes
    packed: bytes


class RoadMap:
    """Makes the document for a class and time of day, and remembers the last ones."""

    def __init__(self, atlas: Atlas) -> None:
        """Make none yet."""
        self._atlas = atlas
        self._made: OrderedDict[str, RoadDocument] = OrderedDict()
        self._making = threading.Lock()

    def document(self, connection: Connection, vehicle_class: VehicleClass, time_of_day: TimeOfDay) -> RoadDocument:
        """Give the document for what this snapshot serves. Raises Unavailable: costs are of another network."""
        learnt = self._atlas.learnt(connection)
        tag = tag_of("roads", self._atlas.network.hash, learnt.version, vehicle_class, time_of_day)
        with self._making:
            if tag not in self._made:
                costs = learnt.table.costs(vehicle_class, time_of_day) if learnt.table else None
                counts = (
                    traversals(connection, learnt.version, vehicle_class, time_of_day)
                    if costs and learnt.version is not None
                    else None
                )
                network = self._atlas.network
                plain = msgspec.json.encode(
                    {
                        "type": "FeatureCollection",
                        "network_hash": network.hash,
                        "vehicle_class": vehicle_class,
                        "time_of_day": time_of_day,
                        "batch_view_version": learnt.version,
                        "attribution": _ATTRIBUTION,
                        "features": [road_feature(network, segment, costs, counts) for segment in network.segments],
                    }
                )
                self._made[tag] = RoadDocument(tag, plain, gzip.compress(plain, 6, mtime=0))
            self._made.move_to_end(tag)
            while len(self._made) > _MOST:
                self._made.popitem(last=False)
            return self._made[tag]
