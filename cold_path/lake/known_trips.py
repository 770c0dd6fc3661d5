"""Which readings of a trip the lake held at a version: the look-up for candidates of repetition, in Spark's workers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from deltalake import DeltaTable

from cold_path.lake.lookup import lake_rows
from cold_path.lake.sequences import spans_of
from contracts.partitioning import partition_of_key
from contracts.topics import READING_PARTITIONS

if TYPE_CHECKING:
    import pyarrow as pa

    from cold_path.lake.sequences import Spans, Trip

_MS_A_DAY = 86_400_000


class KnownTrips:
    """Looks trips up in the lake, pinned to a version.

    A look-up reads all trips of its day and partition at once, since the candidates of a task share few of these.
    """

    def __init__(self, folder: str, version: int) -> None:
        """Read nothing yet."""
        self._folder = folder
        self._version = version
        self._trips = lru_cache(maxsize=64)(self._read)

    def spans(self, vehicle_id: str, trip_started_at_ms: int) -> Spans:
        """Give the trip's sequence numbers in the lake; none when it is not there."""
        partition = partition_of_key(vehicle_id.encode(), READING_PARTITIONS)
        trips = self._trips(trip_started_at_ms // _MS_A_DAY, partition)
        return trips.get((vehicle_id, trip_started_at_ms), [])

    def _read(self, day: int, partition: int) -> dict[Trip, Spans]:
        lake = lake_rows(DeltaTable(self._folder, version=self._version))
        date = np.datetime64(day, "D").item()
        is_wanted = (pc.field("day") == date) & (pc.field("partition") == partition) & pc.field("vehicle_id").is_valid()
        columns = ["vehicle_id", "trip_started_at_ms", "sequence"]
        return _spans_by_trip(lake.to_table(columns=columns, filter=is_wanted))


def _spans_by_trip(readings: pa.Table) -> dict[Trip, Spans]:
    trips = readings.group_by(["vehicle_id", "trip_started_at_ms"]).aggregate([("sequence", "list")]).to_pydict()
    keys = zip(trips["vehicle_id"], trips["trip_started_at_ms"], strict=True)
    return {trip: spans_of(sequences) for trip, sequences in zip(keys, trips["sequence_list"], strict=True)}
