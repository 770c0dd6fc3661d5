"""The view `route_savings`: each leg of a matched trip beside the frugal and the fast route between its ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.routes.legs import Passage, legs
from cold_path.routes.saving import saving
from cold_path.views.columns import columns_of
from cold_path.views.road_costs import vehicle_class
from contracts.views import VIEW_COLUMNS

if TYPE_CHECKING:
    from pyspark.core.broadcast import Broadcast
    from pyspark.sql import DataFrame

    from roads import RoadNetwork
    from roads.costs import CostTable

_PLACES: Final = 3
_PASSAGE: Final = ("segment_id", "chain", "entered_at_ms", "left_at_ms", "fuel_ml", "idle_s")
_ARROW: Final = {"string": pa.string(), "int": pa.int32(), "long": pa.int64(), "double": pa.float64()}
_SCHEMA: Final = pa.schema([(name, _ARROW[kind]) for name, kind in VIEW_COLUMNS["route_savings"].items()])
_DDL: Final = ", ".join(f"{name} {kind}" for name, kind in VIEW_COLUMNS["route_savings"].items())


def route_savings(
    traversals: DataFrame, vehicles: DataFrame, costs: Broadcast[CostTable], network: Broadcast[RoadNetwork]
) -> DataFrame:
    """Give one row a leg (`cold_path.routes.legs`) that can be compared (`cold_path.routes.saving`).

    `saved_fuel_ml` is what the frugal route would have saved against the way driven, `saved_s` what the fast one
    would have, both by the costs of the vehicle's class and the time of day; never below 0.
    """
    passage = F.struct("place", *_PASSAGE)
    known = vehicles.select("vehicle_id", vehicle_class()).dropna()
    trips = traversals.groupBy("vehicle_id", "trip_started_at_ms").agg(
        F.sort_array(F.collect_list(passage)).alias("passages")
    )
    classified = trips.join(F.broadcast(known), "vehicle_id")
    asked = classified.select("vehicle_id", "trip_started_at_ms", "vehicle_class", "passages")

    def compared(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [row for trip in batch.to_pylist() for row in _rows(trip, costs.value, network.value)]
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)

    return asked.mapInArrow(compared, _DDL).select(*columns_of("route_savings"))


def _rows(trip: dict[str, Any], costs: CostTable, network: RoadNetwork) -> Iterator[dict[str, Any]]:
    passages = [Passage(*(one[name] for name in _PASSAGE)) for one in trip["passages"]]
    facts = {name: trip[name] for name in ("vehicle_id", "trip_started_at_ms", "vehicle_class")}
    for number, leg in enumerate(legs(passages, network)):
        found = saving(leg, trip["vehicle_class"], costs, network)
        if found is None:
            continue
        # Sums of rounded costs may differ in the last place from what the search found least.
        saved = {
            "saved_fuel_ml": max(0.0, found.expected_fuel_ml - found.frugal_fuel_ml),
            "saved_s": max(0.0, found.expected_s - found.fast_s),
        }
        numbers = asdict(found) | saved
        rounded = {name: round(v, _PLACES) if isinstance(v, float) else v for name, v in numbers.items()}
        yield facts | {"leg": number} | rounded
