"""Records of Kafka to rows of the lake: decoded and judged by `contracts`, column by column, inside Spark's workers."""

from __future__ import annotations

from itertools import pairwise
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import pyarrow as pa

from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.reading import Reading
from contracts.rejection import KEPT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cold_path.lake.sequences import Seen

_DAY_MS: Final = 86_400_000
_LONGEST_DETAIL: Final = 500
PIECE_ROWS: Final = 512
"""Rows that are objects at once: they stay in the processor's cache, which halves the cost of making columns."""


_SCALARS: Final[dict[object, pa.DataType]] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def _arrow_type(hint: object) -> pa.DataType:
    """Give a field's type in the lake, from its annotation; an enumeration is written as its word."""
    kind = next(option for option in get_args(hint) or (hint,) if option is not NoneType)
    if get_origin(kind) is tuple:
        return pa.list_(_SCALARS[get_args(kind)[0]])
    return _SCALARS.get(kind, pa.string())


READING_TYPES: Final[dict[str, pa.DataType]] = {
    name: _arrow_type(hint) for name, hint in get_type_hints(Reading).items()
}

# What is looked up stands first: Delta keeps the least and greatest value of the first columns only (`lake.commit`).
LAKE_SCHEMA: Final = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("received_at_ms", pa.int64()),
        ("rejected_reason", pa.string()),
        ("repeated", pa.bool_()),
        *READING_TYPES.items(),
        ("ignored_signals", pa.list_(pa.string())),
        ("rejected_detail", pa.string()),
        ("rejected_bytes", pa.binary()),
        ("day", pa.date32()),
    ]
)
"""One row a record. A rejected one has a reason and its first 64 KiB, and no reading's fields.

`day` is the UTC day of the trip's start; of a rejected record the day it was received.
"""

_NOTHING: Final[Reading] = Reading(*([None] * len(READING_TYPES)))  # type: ignore[arg-type]


def judged(batches: Iterable[pa.RecordBatch], seen: Seen) -> Iterator[pa.RecordBatch]:
    """Judge records (partition, offset, received_at_ms, value), in offset order within each partition.

    Rows that also have `refused_reason` and `refused_detail` stand for record batches that nobody reads: they are
    rejected for that reason.
    """
    for batch in batches:
        if "refused_reason" in batch.schema.names:
            yield _rejected(batch)
            continue
        pieces = [_judged(batch.slice(first, PIECE_ROWS), seen.is_repeated) for first in _pieces(batch.num_rows)]
        yield pa.concat_batches(pieces)


def _rejected(batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = [
        {
            "partition": row["partition"],
            "offset": row["offset"],
            "received_at_ms": row["received_at_ms"],
            "rejected_reason": row["refused_reason"],
            "repeated": False,
            "rejected_detail": row["refused_detail"][:_LONGEST_DETAIL],
            "rejected_bytes": row["value"][:KEPT_BYTES],
            "day": row["received_at_ms"] // _DAY_MS,
        }
        for row in batch.to_pylist()
    ]
    return pa.RecordBatch.from_pylist(rows, schema=LAKE_SCHEMA)


def _pieces(rows: int) -> range:
    return range(0, max(rows, 1), PIECE_ROWS)


def _judged(batch: pa.RecordBatch, is_repeated: Callable[[str, int, int], bool]) -> pa.RecordBatch:
    partitions = batch.column("partition").to_numpy(zero_copy_only=False).tolist()
    received = batch.column("received_at_ms").to_numpy(zero_copy_only=False)
    readings: list[Reading] = []
    repeated: list[bool] = []
    ignored: list[tuple[str, ...] | None] = []
    rejected: dict[int, tuple[str, str, bytes]] = {}
    rows = zip(_values(batch.column("value")), partitions, received.tolist(), strict=True)
    for row, (value, partition, received_at_ms) in enumerate(rows):
        try:
            reading, names = believe(value, partition=partition, received_at_ms=received_at_ms)
        except MalformedReading as error:
            rejected[row] = (error.reason, _detail(error), value[:KEPT_BYTES])
            reading, names, again = _NOTHING, (), False
        else:
            again = is_repeated(reading.vehicle_id, reading.trip_started_at_ms, reading.sequence)
        readings.append(reading)
        ignored.append(names or None)
        repeated.append(again)
    columns = [
        batch.column("partition"),
        batch.column("offset"),
        batch.column("received_at_ms"),
        _sparse(rejected, 0, len(readings), pa.string()),
        pa.array(repeated, pa.bool_()),
        *_fields(readings),
        pa.array(ignored, pa.list_(pa.string())),
        _sparse(rejected, 1, len(readings), pa.string()),
        _sparse(rejected, 2, len(readings), pa.binary()),
        _days(readings, received),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LAKE_SCHEMA)


def _fields(readings: list[Reading]) -> Iterator[pa.Array]:
    columns = zip(*map(msgspec.structs.astuple, readings), strict=True) if readings else [()] * len(READING_TYPES)
    for kind, column in zip(READING_TYPES.values(), columns, strict=True):
        yield pa.array(column, kind)


def _values(column: pa.Array) -> list[bytes]:
    """Give the records' bytes, an absent value as an empty one: both are judged alike."""
    if len(column) == 0:
        return []
    _, bounds, data = column.buffers()
    first = column.offset
    ends = np.frombuffer(bounds, np.int32)[first : first + len(column) + 1].tolist()
    content = memoryview(data) if data is not None else memoryview(b"")
    return [bytes(content[start:end]) for start, end in pairwise(ends)]


def _detail(error: MalformedReading) -> str:
    return error.detail[:_LONGEST_DETAIL].encode("utf-8", "replace").decode()


def _sparse(rejected: dict[int, Any], part: int, rows: int, kind: pa.DataType) -> pa.Array:
    if not rejected:
        return pa.nulls(rows, kind)
    return pa.array([rejected[row][part] if row in rejected else None for row in range(rows)], kind)


def _days(readings: list[Reading], received: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Array:
    started = np.array([reading.trip_started_at_ms or 0 for reading in readings], np.int64)
    is_good = np.array([reading is not _NOTHING for reading in readings], bool)
    days = np.where(is_good, started, received) // _DAY_MS
    return pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32())
