"""The records of a fetched record batch, made one by one as they are asked for, so that none waits in memory.

A header's name need not be UTF-8 for the broker, and must be for aiokafka: such a batch is read again from that record
on with the name mended, or one producer could stop a partition.

A batch holds MOST_RECORDS at most: looking at each costs microseconds, whatever it unpacks to.

A batch as large as honest ones are is read to its end before its first record is handed on, so that it is taken or
refused as a whole. What is larger must not be held, and is refused from its first record on that cannot be.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter, lt
from typing import Any

from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint_py

from runtime.kafka.unpacking import TooLarge, Unreadable, unpacked_bytes

MOST_RECORDS = 200_000
"""In one batch: a request of 2 MiB has room for so many of ten bytes, and readings are packed to more."""
_MOST_HELD_BYTES = 16 * 1024 * 1024
_MOST_HELD_RECORDS = 32_768
_OFFSET = attrgetter("offset")
_RAISED_BY_PARSERS = (CorruptRecordException, UnsupportedCodecError, ValueError, IndexError, OverflowError)
_OVERHEAD = 12
"""Bytes of a record batch before and with its length."""
_COUNT = slice(57, 61)
"""Where a record batch says how many records it holds."""


class KeptRecords(MemoryRecords):  # type: ignore[misc]  # final only for the type checker
    """What was fetched from a partition, its bytes kept for a second reading."""

    def __init__(self, fetched: bytes) -> None:
        """Take the answer's bytes."""
        super().__init__(fetched)
        self._fetched = fetched

    def bytes_of(self, base_offset: int) -> bytes:
        """Return the bytes of the record batch that begins at an offset."""
        at = 0
        while at + _OVERHEAD <= len(self._fetched):
            end = at + _OVERHEAD + int.from_bytes(self._fetched[at + 8 : at + _OVERHEAD], "big")
            if int.from_bytes(self._fetched[at : at + 8], "big") == base_offset:
                return self._fetched[at:end]
            at = end
        raise CorruptRecordException(f"no record batch at offset {base_offset}")


def records_of(batch: Any, fetched: Any) -> Iterator[Any]:
    """Yield the records of aiokafka's batch, which is among what was fetched; their offsets rise, and are its own.

    Raises Unreadable where something else than a header's name is wrong.
    """
    first, end = batch.base_offset, batch.next_offset
    if end - first > MOST_RECORDS:
        _refuse_too_many(first, fetched)
    if unpacked_bytes(batch) <= _MOST_HELD_BYTES and end - first <= _MOST_HELD_RECORDS:
        yield from _whole(batch, fetched, first, end)
    else:
        yield from _as_far_as_readable(batch, fetched, first, end)


def _refuse_too_many(first: int, fetched: Any) -> None:
    """Raise TooLarge for a batch of too many records; one that was compacted spans more offsets than it has records."""
    records = int.from_bytes(fetched.bytes_of(first)[_COUNT], "big") if isinstance(fetched, KeptRecords) else 0
    if records > MOST_RECORDS:
        raise TooLarge(f"holds {records} records, more than {MOST_RECORDS}; send smaller batches")


def _whole(batch: Any, fetched: Any, first: int, end: int) -> list[Any]:
    """Return all records of a batch. Every healthy reading passes here: no line of Python runs for a single record."""
    records: list[Any] = []
    try:
        _read_into(records, batch, fetched)
    except _RAISED_BY_PARSERS as error:
        raise Unreadable(f"cannot be read: {error}") from error
    offsets = list(map(_OFFSET, records))
    if offsets != list(range(first, end)) and not _is_compacted(offsets, first, end):
        raise Unreadable(f"cannot be read: its records claim offsets that are not its own, such as {max(offsets)}")
    return records


def _is_compacted(offsets: list[int], first: int, end: int) -> bool:
    """Return whether offsets rise, and lie in a batch, although not all of the batch's are there."""
    return not offsets or (first <= offsets[0] and offsets[-1] < end and all(map(lt, offsets, offsets[1:])))


def _read_into(records: list[Any], batch: Any, fetched: Any) -> None:
    try:
        records.extend(batch)  # what was read before an error stays
    except (UnicodeDecodeError, CorruptRecordException):
        records.extend(_mended(batch, fetched))


def _as_far_as_readable(batch: Any, fetched: Any, first: int, end: int) -> Iterator[Any]:
    latest = first - 1
    try:
        for record in _one_by_one(batch, fetched):
            if not latest < record.offset < end:
                raise CorruptRecordException(f"offset {record.offset} after {latest}")
            latest = record.offset
            yield record
    except _RAISED_BY_PARSERS as error:
        unreadable = Unreadable(f"cannot be read: {error}")
        unreadable.first_offset = min(latest + 1, end - 1)
        raise unreadable from error


def _one_by_one(batch: Any, fetched: Any) -> Iterator[Any]:
    try:
        yield from batch
    except (UnicodeDecodeError, CorruptRecordException):
        yield from _mended(batch, fetched)


def _mended(batch: Any, fetched: Any) -> Iterator[Any]:
    if not isinstance(fetched, KeptRecords):
        raise CorruptRecordException("its bytes are not kept")
    return records_with_mended_names(fetched.bytes_of(batch.base_offset))


def records_with_mended_names(batch: bytes) -> Iterator[Any]:
    """Yield the records of a batch from the first on that has a header whose name is not UTF-8, without such names.

    Raises CorruptRecordException, ValueError or IndexError where something else is wrong.
    """
    records: Any = _DefaultRecordBatchPy(batch)
    iter(records)
    has_mended = False
    for _ in range(records._num_records):  # noqa: SLF001 - guarded by private_names
        has_mended = _mend(records._buffer, records._pos) or has_mended  # noqa: SLF001 - as above
        record = records._read_msg(decode_varint_py)  # noqa: SLF001 - as above
        if has_mended:
            yield record
    if not has_mended:
        raise CorruptRecordException("its records are not formed as records are")


def _mend(buffer: bytearray, at: int) -> bool:
    """Put question marks for the names of a record's headers that are not UTF-8, in place; tell whether there were.

    Numbers are decoded in Python: aiokafka's decoder in C reads beyond the buffer's end, wherever a length points.
    """
    at = decode_varint_py(buffer, at)[1]
    for _ in ("attributes", "timestamp", "offset"):
        at = decode_varint_py(buffer, at)[1]
    for _ in ("key", "value"):
        at = _field(buffer, at).stop
    headers, at = decode_varint_py(buffer, at)
    has_mended = False
    for _ in range(headers):
        name = _field(buffer, at)
        try:
            buffer[name].decode()
        except UnicodeDecodeError:
            buffer[name] = b"?" * (name.stop - name.start)
            has_mended = True
        at = _field(buffer, name.stop).stop
    return has_mended


def _field(buffer: bytearray, at: int) -> slice:
    """Return where the bytes of a field lie whose length begins at `at`; none has no bytes."""
    length, start = decode_varint_py(buffer, at)
    end = start + max(0, length)
    if end > len(buffer):
        raise CorruptRecordException(f"a field of {length} bytes at byte {start} of {len(buffer)}")
    return slice(start, end)
