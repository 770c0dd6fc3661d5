"""The records of a fetched record batch, made one by one as they are asked for, so that none waits in memory.

A header's name need not be UTF-8 for the broker, and must be for aiokafka: such a batch is read again from that record
on with the name mended, or one producer could stop a partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

_OVERHEAD = 12
"""Bytes of a record batch before and with its length."""


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
    """Yield the records of aiokafka's batch, which is among what was fetched, in offset order.

    Raises UnpacksTooLarge, and CorruptRecordException where something else than a header's name is wrong.
    """
    try:
        yield from batch
    except (UnicodeDecodeError, CorruptRecordException):
        if not isinstance(fetched, KeptRecords):
            raise
        yield from records_with_mended_names(fetched.bytes_of(batch.base_offset))


def records_with_mended_names(batch: bytes) -> Iterator[Any]:
    """Yield the records of a batch from the first on that has a header whose name is not UTF-8, without such names.

    Raises CorruptRecordException where something else is wrong.
    """
    records: Any = _DefaultRecordBatchPy(batch)
    iter(records)
    has_mended = False
    for _ in range(records._num_records):  # noqa: SLF001 - guarded by private_names
        has_mended = _mend(records._buffer, records._pos) or has_mended  # noqa: SLF001 - as above
        record = next(records)
        if has_mended:
            yield record


def _mend(buffer: bytearray, at: int) -> bool:
    """Put question marks for the names of a record's headers that are not UTF-8, in place; tell whether there were."""
    at = decode_varint(buffer, at)[1]
    for _ in ("attributes", "timestamp", "offset"):
        at = decode_varint(buffer, at)[1]
    for _ in ("key", "value"):
        length, at = decode_varint(buffer, at)
        at += max(0, length)
    headers, at = decode_varint(buffer, at)
    has_mended = False
    for _ in range(headers):
        length, at = decode_varint(buffer, at)
        try:
            buffer[at : at + length].decode()
        except UnicodeDecodeError:
            buffer[at : at + length] = b"?" * length
            has_mended = True
        length, at = decode_varint(buffer, at + length)
        at += max(0, length)
    return has_mended
