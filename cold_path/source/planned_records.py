"""The records of planned offsets, for Spark's workers: Arrow batches of bounded bytes.

They are read in the chunks in which the hot path gets them.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from cold_path.source import broker
from runtime.kafka.chunk import RefusedBatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from runtime.kafka.chunk import Chunk, Record

_MOST_ROWS: Final = 10_000
_MOST_BYTES: Final = 8 * 1024 * 1024
_PIECE: Final = 32
"""Records looked at together; of a batch that unpacks to 64 MiB they may be megabytes each."""
_WAIT_S: Final = 30.0

RECORD_SCHEMA: Final = pa.schema(
    [("partition", pa.int32()), ("offset", pa.int64()), ("received_at_ms", pa.int64()), ("value", pa.binary())]
)
REFUSED_SCHEMA: Final = pa.schema([*RECORD_SCHEMA, ("refused_reason", pa.string()), ("refused_detail", pa.string())])
"""A record batch that was refused as a whole: the first offset that is refused, the batch's bytes, and why."""


class Span(NamedTuple):
    """Offsets of a partition, `end` exclusive."""

    partition: int
    start: int
    end: int


def planned_records(
    bootstrap: str, topic: str, span: Span, *, isolation: str = "read_committed"
) -> Iterator[pa.RecordBatch]:
    """Yield the committed records of a span in offset order, in batches of RECORD_SCHEMA or REFUSED_SCHEMA.

    Held at once are one fetch, one unpacked record batch (64 MiB at most) and one batch of rows. Raises Unavailable.
    """
    starts, ends = {span.partition: span.start}, {span.partition: span.end}
    chunks = broker.chunks(bootstrap, topic, starts, ends, wait_s=_WAIT_S, isolation=isolation)
    return rows_of(_waited_for(chunks), span.end)


def _waited_for(chunks: AsyncIterator[Chunk]) -> Iterator[Chunk]:
    async def following() -> Chunk | None:
        return await anext(chunks, None)

    with asyncio.Runner() as runner:
        while (chunk := runner.run(following())) is not None:
            yield chunk


def rows_of(chunks: Iterable[Chunk], end: int) -> Iterator[pa.RecordBatch]:
    """Yield the records of one partition's chunks below `end` as batches of rows."""
    rows = _Rows()
    for chunk in chunks:
        for batch in chunk.batches:
            for piece in _pieces(batch.records, end if chunk.offset >= end else None):
                refused = _taken_from(piece)
                rows.add(chunk.partition, batch.received_at_ms, piece)
                if refused is not None or rows.are_enough:
                    yield rows.taken()
                if refused is not None:
                    yield _refused(chunk.partition, batch.received_at_ms, refused)
    yield rows.taken()


def _pieces(records: Iterable[Record], end: int | None) -> Iterator[list[Record]]:
    """Yield the records below `end` in lists; a refused batch can only be the last of a list."""
    below = iter(records) if end is None else (record for record in records if record.offset < end)
    while piece := list(islice(below, _PIECE)):
        yield piece


def _taken_from(piece: list[Record]) -> RefusedBatch | None:
    last = piece[-1]
    if not isinstance(last, RefusedBatch):
        return None
    piece.pop()
    return last


def _refused(partition: int, received_at_ms: int, batch: RefusedBatch) -> pa.RecordBatch:
    reason, detail = batch.problem.reason, batch.problem.detail.encode("utf-8", "replace").decode()
    row = (partition, batch.offset, received_at_ms, batch.value, reason, detail)
    return pa.RecordBatch.from_pylist([dict(zip(REFUSED_SCHEMA.names, row, strict=True))], schema=REFUSED_SCHEMA)


class _Rows:
    """Rows that wait until they are a batch."""

    def __init__(self) -> None:
        self._columns: tuple[list[Any], ...] = ([], [], [], [])
        self._bytes = 0

    def add(self, partition: int, received_at_ms: int, records: list[Record]) -> None:
        partitions, offsets, received, values = self._columns
        new = [record.value or b"" for record in records]
        partitions += [partition] * len(new)
        offsets += [record.offset for record in records]
        received += [received_at_ms] * len(new)
        values += new
        self._bytes += sum(map(len, new))

    @property
    def are_enough(self) -> bool:
        return len(self._columns[0]) >= _MOST_ROWS or self._bytes >= _MOST_BYTES

    def taken(self) -> pa.RecordBatch:
        columns = [pa.array(column, kind) for column, kind in zip(self._columns, RECORD_SCHEMA.types, strict=True)]
        self._columns, self._bytes = ([], [], [], []), 0
        return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)
