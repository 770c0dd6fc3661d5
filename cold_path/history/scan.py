"""The lake's rows of one Kafka partition in offset order, read from the files by the worker that folds them.

Spark would carry all rows through a shuffle and a sort for it, at twice the cost of the fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as pads

from cold_path.lake.judgement import LAKE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

WINDOW_ROWS: Final = 100_000
"""Rows that are in memory at once, beside a row group of the lake's; the offsets of a partition's rows all are."""

PIECE_ROWS: Final = 25_000
"""Rows that are folded at once: their values are objects of Python, tens of them a row."""

_END: Final = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the lake's rows: by offset, and by the time they were received (epoch ms). All by default."""

    offsets: Mapping[int, int] | None = field(default=None)
    """Partition to the first offset; a partition that is not named is left out."""
    received_from_ms: int = 0
    received_before_ms: int = _END

    def of(self, partition: int) -> pads.Expression:
        """Give the condition on rows of one partition."""
        received, offset = pc.field("received_at_ms"), pc.field("offset")
        condition = (pc.field("partition") == partition) & (received < self.received_before_ms)
        first = 0 if self.offsets is None else self.offsets.get(partition, _END)
        return condition & (received >= self.received_from_ms) & (offset >= first)


ALL_ROWS: Final = Wanted()


def local_paths(uris: Sequence[str]) -> tuple[str, ...]:
    """Give the paths of files that Spark names as URIs."""
    return tuple(sorted(unquote(urlsplit(uri).path) for uri in uris))


def rows_in_order(
    files: tuple[str, ...], partition: int, columns: Sequence[str], wanted: Wanted
) -> Iterator[pa.RecordBatch]:
    """Give a partition's rows in offset order, some ten thousands at once."""
    lake, condition = _lake(files), wanted.of(partition)
    offsets = lake.to_table(columns=["offset"], filter=condition, use_threads=False).column("offset").to_numpy()
    borders = [*np.sort(offsets)[::WINDOW_ROWS].tolist(), _END]
    for first, end in pairwise(borders):
        in_window = condition & (pc.field("offset") >= first) & (pc.field("offset") < end)
        rows = _in_order(lake.to_table(columns=list(columns), filter=in_window, use_threads=False))
        for start in range(0, len(rows), PIECE_ROWS):
            yield rows.slice(start, PIECE_ROWS)


@lru_cache(maxsize=1)
def _lake(files: tuple[str, ...]) -> pads.Dataset:
    """Keep the files' footers for a worker's next task."""
    return pads.dataset(list(files), format="parquet", schema=LAKE_SCHEMA.remove(LAKE_SCHEMA.get_field_index("day")))


def _in_order(rows: pa.Table) -> pa.RecordBatch:
    offsets = rows.column("offset").to_numpy()
    if len(offsets) > 1 and (offsets[1:] < offsets[:-1]).any():
        rows = rows.take(np.argsort(offsets, kind="stable"))
    [batch] = rows.combine_chunks().to_batches()
    return batch
