"""Rows of the lake to Parquet files, in Spark's workers: one file a task and day, unseen until they are committed.

Arrow writes what the judgement made as it is; by way of Spark's rows and writer it would cost as much again as reading,
decoding and judging together.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cold_path.lake.judgement import LAKE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROWS_A_GROUP: Final = 100_000
"""A reader decodes a row group at once, so its memory follows from this."""
_MOST_WAITING_BYTES: Final = 32 * 1024 * 1024
"""As much as a row group of readings; of rejected records, which keep up to 64 KiB each, it would be gigabytes."""
LOOKED_UP: Final = ("partition", "offset", "received_at_ms")
"""Columns whose least and greatest value the table keeps of each file."""

FILE_SCHEMA: Final = pa.schema(
    [
        ("path", pa.string()),
        ("day", pa.string()),
        ("size", pa.int64()),
        ("modified_at_ms", pa.int64()),
        ("stats", pa.string()),
    ]
)
"""What is committed of a file; `path` is relative to the table."""

_STORED: Final = pa.schema([column for column in LAKE_SCHEMA if column.name != "day"])


def written(batches: Iterable[pa.RecordBatch], lake: str) -> Iterator[pa.RecordBatch]:
    """Write rows of LAKE_SCHEMA into files below `lake`; give one row of FILE_SCHEMA a file, when all are whole.

    A task that is killed leaves files that no commit names; upkeep removes them.
    """
    files: dict[date, _File] = {}
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        for day in pc.unique(rows.column("day")).to_pylist():
            if day not in files:
                files[day] = _File(Path(lake), day)
            files[day].add(rows.filter(pc.equal(rows.column("day"), day)).drop_columns(["day"]))
    for file in files.values():
        yield pa.RecordBatch.from_pylist([file.closed()], schema=FILE_SCHEMA)


@dataclass(slots=True)
class _File:
    """A file that is being written; rows wait until a row group is full."""

    lake: Path
    day: date
    name: str = field(init=False)
    waiting: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    least: dict[str, int] = field(default_factory=dict)
    greatest: dict[str, int] = field(default_factory=dict)
    _writer: pq.ParquetWriter | None = None

    def __post_init__(self) -> None:
        self.name = f"day={self.day.isoformat()}/part-{uuid.uuid4()}.parquet"

    def add(self, rows: pa.Table) -> None:
        self.waiting.append(rows)
        self.rows += rows.num_rows
        for name in LOOKED_UP:
            found = pc.min_max(rows.column(name)).as_py()
            self.least[name] = min(found["min"], self.least.get(name, found["min"]))
            self.greatest[name] = max(found["max"], self.greatest.get(name, found["max"]))
        if (
            sum(table.num_rows for table in self.waiting) >= ROWS_A_GROUP
            or sum(table.nbytes for table in self.waiting) >= _MOST_WAITING_BYTES
        ):
            self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            path = self.lake / self.name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, _STORED, compression="snappy")
        self._writer.write_table(pa.concat_tables(self.waiting), row_group_size=2 * ROWS_A_GROUP)
        self.waiting.clear()

    def closed(self) -> dict[str, Any]:
        if self.waiting:
            self._flush()
        assert self._writer is not None  # noqa: S101 - just opened
        self._writer.close()
        stats = {"numRecords": self.rows, "minValues": self.least, "maxValues": self.greatest, "nullCount": {}}
        return {
            "path": self.name,
            "day": self.day.isoformat(),
            "size": (self.lake / self.name).stat().st_size,
            "modified_at_ms": time.time_ns() // 1_000_000,
            "stats": json.dumps(stats | {"nullCount": dict.fromkeys(LOOKED_UP, 0)}),
        }
