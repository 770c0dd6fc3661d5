"""The rules' fold over rows of the lake in offset order, in Spark's workers: the very fold that the hot path runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.dataset as pads

from cold_path.history.column_fold import ColumnFold
from cold_path.history.rows import Rows
from cold_path.history.scan import rows_in_order
from cold_path.lake.judgement import READING_TYPES
from contracts.codec import encode
from contracts.vehicle import Vehicle
from rules import Rules, parse_rules
from rules.written import restored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cold_path.history.scan import Wanted

_PLACE: Final = ("partition", "offset", "received_at_ms")

ALWAYS_READ: Final = (
    "vehicle_id",
    "sequence",
    "recorded_at_ms",
    "trip_started_at_ms",
    "trip_distance_m",
    "trip_fuel_ml",
    "trip_idle_s",
    "speed_kmh",
    "engine_rpm",
    "ignition_on",
    "coolant_c",
    "latitude_deg",
    "longitude_deg",
)
"""What the fold itself reads: identity, counters, the end of a trip, live averages, the place of an alert."""

ALERT: Final = "alert"
STATE: Final = "state"

FOLD_SCHEMA: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("at_partition", pa.int32()),
        ("key", pa.string()),
        ("value", pa.binary()),
    ]
)
"""What the fold gives: alerts, and at each partition's end the states and the mark to go on from, as JSON."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """By which rules and registry history is folded, and where the states lie to go on from; sent to the workers."""

    rules_text: str
    registry: dict[str, Vehicle] = field(default_factory=dict)
    states: str | None = None
    """Folder with Parquet files of FOLD_SCHEMA, of an earlier fold by the same rules and registry."""

    @property
    def rules(self) -> Rules:
        """The compiled rules."""
        return _compiled(self.rules_text)

    def signals(self) -> list[str]:
        """Give the reading's fields that the fold needs, in their order."""
        read = {signal for rule in self.rules.rules for signal in rule.signals}
        codes = {"trouble_codes"} if self.rules.trouble_codes else set()
        return [name for name in READING_TYPES if name in read | codes or name in ALWAYS_READ]


def folded(
    partitions: Iterable[int], files: tuple[str, ...], ruling: Ruling, wanted: Wanted
) -> Iterator[pa.RecordBatch]:
    """Fold the wanted rows of each partition in offset order; rejected rows move the clock only.

    A partition without such rows gives nothing.
    """
    columns = [*_PLACE, *ruling.signals()]
    for partition in partitions:
        fold: ColumnFold | None = None
        for batch in rows_in_order(files, partition, columns, wanted):
            fold = fold or _begun(partition, ruling)
            alerts = fold.fold_rows(Rows(batch))
            yield _batch([(ALERT, partition, alert.vehicle_id, encode(alert)) for alert in alerts])
        if fold is not None:
            yield _batch(_states(fold))


@lru_cache(maxsize=2)
def _compiled(rules_text: str) -> Rules:
    """Compile the rules once for all partitions that a worker folds."""
    return parse_rules(rules_text, name="rules of the run")


def _begun(partition: int, ruling: Ruling) -> ColumnFold:
    states, mark = restored(_records(ruling.states, partition)) if ruling.states else ({}, None)
    return ColumnFold(partition, ruling.rules, registry=ruling.registry, states=states, mark=mark)


def _records(folder: str, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
    """Give what an earlier fold wrote of a partition; nothing where that had no record yet."""
    of_partition = Path(folder) / f"at_partition={partition}"
    if not of_partition.is_dir():
        return
    rows = pads.dataset(of_partition, format="parquet").to_table(columns=["key", "value"])
    for key, value in zip(rows.column("key").to_pylist(), rows.column("value").to_pylist(), strict=True):
        yield key.encode(), value


def _states(fold: ColumnFold) -> list[tuple[str, int, str, bytes]]:
    """Give the states at a partition's end, which also ends the fold: older trips' totals say nothing to a rule."""
    partition, states = fold.partition, fold.states
    for state in states.values():
        del state.trips[1:]
    written = [(STATE, partition, vehicle_id, encode(state)) for vehicle_id, state in sorted(states.items())]
    key, mark = fold.mark(0)
    return [*written, (STATE, partition, key.decode(), mark)]


def _batch(rows: list[tuple[str, int, str, bytes]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, FOLD_SCHEMA.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=FOLD_SCHEMA)
