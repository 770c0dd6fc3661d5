"""The road network beside the costs that the served version has learnt for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from api.queries.roads import cost_rows
from api.queries.served import served
from contracts.errors import Unavailable
from roads.costs import CostTable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from contracts.views import Manifest
    from roads import RoadNetwork


class Learnt(NamedTuple):
    """The costs of one version; `table` is None where no trip was matched to roads."""

    version: int | None
    table: CostTable | None


class Atlas:
    """Keeps the costs of the version served last, since they are some ten thousand rows."""

    def __init__(self, network: RoadNetwork) -> None:
        """Know no version yet."""
        self.network = network
        self._known: tuple[Manifest, Learnt] | None = None
        self._loading = threading.Lock()

    def learnt(self, connection: Connection) -> Learnt:
        """Give the costs of the version that this snapshot serves. Raises Unavailable: they are of another network."""
        manifest = served(connection).manifest
        if manifest is None or manifest.road_graph_hash is None:
            return Learnt(manifest.version if manifest else None, None)
        if manifest.road_graph_hash != self.network.hash:
            message = (
                f"version {manifest.version} learnt road costs on another network ({manifest.road_graph_hash[:12]}); "
                f"this API has {self.network.hash[:12]}: give `api serve --roads` the folder that `cold-path run` has"
            )
            raise Unavailable(message)
        with self._loading:
            if self._known is None or self._known[0] != manifest:
                rows = cost_rows(connection, manifest.version)
                table = CostTable(rows, len(self.network.segments)) if rows else None
                self._known = (manifest, Learnt(manifest.version, table))
            return self._known[1]

    def free_flow_s(self) -> list[float]:
        """Give the seconds that each segment takes at the speed it allows: what is known before any version."""
        return [segment.length_m / segment.speed_kmh * 3.6 for segment in self.network.segments]

    def lengths_m(self) -> list[float]:
        """Give the segments' lengths."""
        return [segment.length_m for segment in self.network.segments]
