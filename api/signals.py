"""What a car said around an alert: from Kafka, and where it has expired there, from the lake."""

from __future__ import annotations

from heapq import nsmallest
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from api.period import day_of
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from contracts.record import Record


MOST_READINGS: Final = 2_000
"""Around an alert; a car that sends ten a second has told 1,200 in the longest time that can be asked for."""
_IDENTITY: Final = ("vehicle_id", "sequence", "trip_started_at_ms")
_SIGNALS: Final = tuple(name for name in Reading.__struct_fields__ if name not in _IDENTITY)
_LONGEST_TRIP_MS: Final = 7 * 86_400_000


class Span(NamedTuple):
    """A vehicle's readings that are looked for; times are the broker's."""

    vehicle_id: str
    partition: int
    from_ms: int
    until_ms: int


Source = Literal["kafka", "lake"]
Row = dict[str, Any]


def heard(records: Iterable[Record]) -> list[Row]:
    """Give the readings among records, as they were believed: a signal that was ignored is absent."""
    rows = []
    for record in records:
        try:
            reading, _ = believe(record.value, partition=record.partition, received_at_ms=record.at_ms)
        except MalformedReading:
            continue
        rows.append(_row(msgspec.to_builtins(reading), record.at_ms, record.offset))
    return rows


def nearest(rows: list[Row], at_ms: int) -> list[Row]:
    """Return the rows that were received nearest to a moment, at most MOST_READINGS, in their order."""
    if len(rows) <= MOST_READINGS:
        return rows
    kept = nsmallest(MOST_READINGS, rows, key=lambda row: abs(row["received_at_ms"] - at_ms))
    return sorted(kept, key=itemgetter("offset"))


def in_lake(lake: Path, span: Span) -> list[Row] | None:
    """Give the same from the lake; None without one. A trip's readings stand under the day on which it started."""
    # Here, as they take half a second to import and are seldom needed.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.dataset as pads  # noqa: PLC0415
    from deltalake import DeltaTable  # noqa: PLC0415

    if not DeltaTable.is_deltatable(str(lake)):
        return None
    asked = (
        (pc.field("day") >= day_of(span.from_ms - _LONGEST_TRIP_MS))
        & (pc.field("day") <= day_of(span.until_ms))
        & (pc.field("vehicle_id") == span.vehicle_id)
        & (pc.field("received_at_ms") >= span.from_ms)
        & (pc.field("received_at_ms") <= span.until_ms)
        & pc.field("rejected_reason").is_null()
    )
    # Not `to_pyarrow_dataset`: it takes the columns of which the lake keeps no statistics to hold nothing but null.
    table, by_day = DeltaTable(str(lake)), pads.partitioning(pa.schema([("day", pa.date32())]), flavor="hive")
    schema = pa.schema(table.schema().to_arrow())
    dataset = pads.dataset(table.file_uris(), schema=schema, format="parquet", partitioning=by_day)
    columns = ["offset", "received_at_ms", *(name for name in _SIGNALS if name in dataset.schema.names)]
    rows = dataset.to_table(columns=columns, filter=asked).sort_by("offset").to_pylist()
    return [_row(row, row.pop("received_at_ms"), row.pop("offset")) for row in rows]


def _row(signals: dict[str, Any], received_at_ms: int, offset: int) -> Row:
    known = {name: signals[name] for name in _SIGNALS if signals.get(name) is not None}
    recorded_at_ms = known.pop("recorded_at_ms")
    return {"recorded_at_ms": recorded_at_ms, "received_at_ms": received_at_ms, "offset": offset} | known
