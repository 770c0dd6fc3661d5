"""The rules' fold over rows of the lake in offset order, in Spark's workers: the very fold that the hot path runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.dataset as pads

from cold_path.lake.judgement import READING_TYPES
from contracts.codec import encode
from contracts.reading import Reading
from contracts.vehicle import Vehicle
from rules import Rules, parse_rules
from rules.partition import PartitionFold
from rules.written import restored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.alert import Alert

FOLDED: Final = ("partition", "offset", "received_at_ms", "rejected_reason", *READING_TYPES)
"""Columns of the lake that the fold is given; signals that no rule reads may be left out."""

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
        return parse_rules(self.rules_text, name="rules of the run")

    def signals(self) -> list[str]:
        """Give the reading's fields that the fold needs, in their order."""
        read = {signal for rule in self.rules.rules for signal in rule.signals}
        codes = {"trouble_codes"} if self.rules.trouble_codes else set()
        return [name for name in READING_TYPES if name in read | codes or name in ALWAYS_READ]


def folded(batches: Iterable[pa.RecordBatch], ruling: Ruling) -> Iterator[pa.RecordBatch]:
    """Fold rows that come partition after partition, each in offset order; rejected rows move the clock only."""
    fold: PartitionFold | None = None
    for batch in batches:
        if batch.num_rows == 0:
            continue
        rows: list[tuple[str, int, str, bytes]] = []
        for part in _runs(batch):
            partition = part.column("partition")[0].as_py()
            if fold is None or fold.partition != partition:
                rows += [] if fold is None else _states(fold)
                fold = _begun(partition, ruling)
            rows += [(ALERT, partition, alert.vehicle_id, encode(alert)) for alert in _alerts(fold, part)]
        yield _batch(rows)
    if fold is not None:
        yield _batch(_states(fold))


def _runs(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    partitions = batch.column("partition").to_numpy()
    borders = [0, *((partitions[1:] != partitions[:-1]).nonzero()[0] + 1).tolist(), len(partitions)]
    for start, end in pairwise(borders):
        yield batch.slice(start, end - start)


def _begun(partition: int, ruling: Ruling) -> PartitionFold:
    states, mark = restored(_records(ruling.states, partition)) if ruling.states else ({}, None)
    clock_ms = mark.received_at_ms if mark else 0
    return PartitionFold(partition, ruling.rules, registry=ruling.registry, states=states, clock_ms=clock_ms)


def _records(folder: str, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
    rows = pads.dataset(f"{folder}/at_partition={partition}", format="parquet").to_table(columns=["key", "value"])
    for key, value in zip(rows.column("key").to_pylist(), rows.column("value").to_pylist(), strict=True):
        yield key.encode(), value


def _alerts(fold: PartitionFold, rows: pa.RecordBatch) -> Iterator[Alert]:
    offsets = rows.column("offset").to_pylist()
    received = rows.column("received_at_ms").to_pylist()
    for reading, offset, received_at_ms in zip(_readings(rows), offsets, received, strict=True):
        if received_at_ms > fold.clock_ms:
            yield from fold.advance(received_at_ms)
        # A rejected record has no fields.
        if reading.vehicle_id is not None and not fold.passes(reading, offset, received_at_ms):
            yield from fold.fold(reading, offset, received_at_ms)


def _readings(rows: pa.RecordBatch) -> Iterator[Reading]:
    names = set(rows.schema.names)
    nothing = [None] * rows.num_rows
    columns = [_values(rows.column(name)) if name in names else nothing for name in READING_TYPES]
    return map(Reading, *columns)


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_list(column.type):
        return [None if values is None else tuple(values) for values in column.to_pylist()]
    if column.null_count == 0 and not pa.types.is_string(column.type):
        found: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
        return found
    return list(column.to_pylist())


def _states(fold: PartitionFold) -> list[tuple[str, int, str, bytes]]:
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
