"""The view `traversals`: which segments each trip drove, in order, with the time and fuel between their borders."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.matching.matcher import Matcher
from cold_path.matching.readings import Readings
from cold_path.matching.traversal import traversals as traversals_of_chain
from cold_path.views.columns import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.core.broadcast import Broadcast
    from pyspark.sql import DataFrame

    from roads import RoadNetwork

_COUNTERS: Final = ("trip_distance_m", "trip_fuel_ml", "trip_idle_s")
_SIGNALS: Final = ("latitude_deg", "longitude_deg", "heading_deg", "speed_kmh", *_COUNTERS)
_READ: Final = ("vehicle_id", "trip_started_at_ms", "sequence", "recorded_at_ms", *_SIGNALS)
_BATCH_ROWS: Final = 50_000
_PLACES: Final = 3

_SCHEMA: Final = pa.schema(
    [
        ("vehicle_id", pa.string()),
        ("trip_started_at_ms", pa.int64()),
        ("chain", pa.int32()),
        ("place", pa.int32()),
        ("segment_id", pa.int32()),
        ("entered_at_ms", pa.int64()),
        ("left_at_ms", pa.int64()),
        ("fuel_ml", pa.float64()),
        ("idle_s", pa.float64()),
    ]
)
_DDL: Final = (
    "vehicle_id string, trip_started_at_ms long, chain int, place int, segment_id int, "
    "entered_at_ms long, left_at_ms long, fuel_ml double, idle_s double"
)


def traversals(lake: DataFrame, network: Broadcast[RoadNetwork]) -> DataFrame:
    """Give one row a segment that a trip drove, from rows of the lake; trips far from every road have none.

    Matching is `cold_path.matching`; repeated readings are skipped. A new `chain` begins where no way leads on. Times
    and fuel are null where the segment was not driven, or not heard of, as a whole: at a chain's ends and in long gaps.
    """
    good_readings = lake.where(F.col("rejected_reason").isNull() & ~F.col("repeated")).select(*_READ)
    trip = ("vehicle_id", "trip_started_at_ms")
    ordered = good_readings.repartition(*trip).sortWithinPartitions(*trip, "sequence")

    def matched(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        matcher = _matcher(network.value)
        for trips in _whole_trips(batches):
            yield _rows(trips, matcher)

    return ordered.mapInArrow(matched, _DDL).select(*columns_of("traversals"))


@lru_cache(maxsize=2)
def _matcher(network: RoadNetwork) -> Matcher:
    """Keep the index and what was found out about ways for a worker's next tasks."""
    return Matcher(network)


def _whole_trips(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join batches until they are worth matching at once, and cut them between trips."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(rows) for rows in waiting) >= _BATCH_ROWS:
            table = pa.Table.from_batches(waiting)
            cut = int(np.flatnonzero(_begins(table))[-1])
            if cut > 0:
                yield table.slice(0, cut)
            waiting = table.slice(cut).to_batches()
    if waiting:
        yield pa.Table.from_batches(waiting)


def _begins(table: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which rows are the first of their trip."""
    begins = np.ones(len(table), dtype=np.bool_)
    if len(table) > 1:
        same = [pc.equal(table[name].slice(1), table[name].slice(0, len(table) - 1)) for name in table.schema.names[:2]]
        begins[1:] = ~pc.and_(*same).to_numpy()
    return begins


def _rows(trips: pa.Table, matcher: Matcher) -> pa.RecordBatch:
    begins = _begins(trips)
    first_rows = np.flatnonzero(begins)
    signals = {name: trips[name].cast(pa.float64()).to_numpy() for name in _SIGNALS}
    recorded_at_ms = trips["recorded_at_ms"].to_numpy()
    readings = Readings(np.cumsum(begins) - 1, recorded_at_ms, *(signals[name] for name in _SIGNALS))
    columns: list[list[np.ndarray[Any, Any]]] = [[] for _ in range(8)]
    previous, chain_number, place = -1, 0, 0
    for chain in matcher.chains(readings):
        chain_number, place = (chain_number + 1, place) if chain.trip == previous else (0, 0)
        previous = chain.trip
        driven = traversals_of_chain(chain.path, chain.matched, chain.readings)
        count = len(driven.segment)
        values = (
            np.full(count, first_rows[chain.trip]),
            np.full(count, chain_number),
            np.arange(place, place + count),
            driven.segment,
            driven.entered_at_ms,
            driven.left_at_ms,
            np.round(driven.fuel_ml, _PLACES),
            np.round(driven.idle_s, _PLACES),
        )
        place += count
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    row, *found = (np.concatenate(column) if column else np.array([]) for column in columns)
    names = [trips[name].take(pa.array(row.astype(np.int64))).combine_chunks() for name in _SCHEMA.names[:2]]
    arrays = [_nullable(value, kind) for value, kind in zip(found, _SCHEMA.types[2:], strict=True)]
    return pa.RecordBatch.from_arrays([*names, *arrays], schema=_SCHEMA)


def _nullable(values: np.ndarray[Any, Any], kind: pa.DataType) -> pa.Array:
    numbers = values.astype(np.float64)
    whole = np.round(numbers) if kind != pa.float64() else numbers
    return pa.array(whole, mask=np.isnan(numbers)).cast(kind)
