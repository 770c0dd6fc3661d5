"""The way a trip took on the road network, from the view `traversals` of the served version's folder."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from api.answers.road import LineString, PathFeature, PathProperties, rounded
from api.errors import Unknown
from api.routing.drawing import line_of, streets_of
from contracts.views import version_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roads import RoadNetwork

_VIEW = "traversals"
_READ = ("chain", "place", "segment_id", "entered_at_ms", "left_at_ms", "fuel_ml")


class Trip(NamedTuple):
    """What identifies a trip; its start is by the car's clock."""

    vehicle_id: str
    started_at_ms: int


def driven(network: RoadNetwork, views: Path, version: int, trip: Trip) -> list[PathFeature]:
    """Give the chains of a trip in driving order. Raises Unknown where the version has none of it."""
    rows = _rows(version_folder(views, version) / _VIEW, trip)
    if not rows:
        raise Unknown(
            f"version {version} knows no way of {trip.vehicle_id}'s trip {trip.started_at_ms}: it is newer than the "
            "version, was far from every road of the network, or never was; /v1/vehicles/{vin}/trips lists them"
        )
    in_order = sorted(rows, key=lambda row: (row["chain"], row["place"]))
    return [_feature(network, chain, list(of_chain)) for chain, of_chain in groupby(in_order, lambda row: row["chain"])]


def _rows(folder: Path, trip: Trip) -> list[dict[str, Any]]:
    # Here, as it takes half a second to import and is seldom needed.
    import pyarrow.parquet as pq  # noqa: PLC0415

    if not folder.is_dir():
        raise Unknown(
            f"the version's folder {folder.parent} holds no ways of trips: roads come with the next version of "
            "`cold-path run`, and `api serve --views` must be the folder that it publishes to"
        )
    if not any(folder.glob("**/*.parquet")):  # no trip was near a road
        return []
    mine = [("vehicle_id", "=", trip.vehicle_id), ("trip_started_at_ms", "=", trip.started_at_ms)]
    rows: list[dict[str, Any]] = pq.read_table(folder, columns=list(_READ), filters=mine).to_pylist()
    return rows


def _feature(network: RoadNetwork, chain: int, rows: Sequence[dict[str, Any]]) -> PathFeature:
    segments = [row["segment_id"] for row in rows]
    fuel = [row["fuel_ml"] for row in rows if row["fuel_ml"] is not None]
    properties = PathProperties(
        chain=chain,
        segment_ids=segments,
        streets=streets_of(network, segments),
        distance_m=rounded(sum(network.segments[i].length_m for i in segments)),
        fuel_ml=rounded(sum(fuel)) if fuel else None,
        entered_at_ms=next((at for row in rows if (at := row["entered_at_ms"]) is not None), None),
        left_at_ms=next((at for row in reversed(rows) if (at := row["left_at_ms"]) is not None), None),
    )
    return PathFeature(id=chain, geometry=LineString(coordinates=line_of(network, segments)), properties=properties)
