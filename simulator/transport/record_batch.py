"""A batch of readings in Kafka's record format, written in one go: aiokafka's own builder costs 2 µs a record.

The layout is that of the protocol's record batch, magic 2: https://kafka.apache.org/documentation/#recordbatch. An
instance stands where aiokafka expects a BatchBuilder; what it calls there has names that begin with an underscore.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Final

from aiokafka.codec import zstd_encode
from aiokafka.record.util import calc_crc32c

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_CHECKED: Final = struct.Struct(">hiqqqhii")
"""What the checksum covers of the header; the records follow."""
_CHECKED_FROM: Final = _HEADER.size - _CHECKED.size
_LENGTH_FROM: Final = 12
_MAGIC: Final = 2
_NO_EPOCH: Final = -1
_ZSTD: Final = 4
_LEVEL: Final = 1
"""Of zstd: readings take a quarter less time than at its usual 3, and come out no larger."""


class RecordBatch:
    """Some records of one partition, all with the same time and headers; zstd."""

    def __init__(
        self, keys: Sequence[bytes], values: Sequence[bytes], *, sent_at_ms: int, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        """Write the records down; nothing is compressed yet."""
        self._count = len(keys)
        self._sent_at_ms = sent_at_ms
        self._records = b"".join(_records(keys, values, _headers(tuple(headers))))
        self._packed: bytes | None = None
        self._producer = (-1, -1, 0)

    def compress(self) -> None:
        """Compress, once; it may be done by another thread, and ahead of sending."""
        if self._packed is None:
            self._packed, self._records = zstd_encode(self._records, level=_LEVEL), b""

    def record_count(self) -> int:
        """Give how many records there are."""
        return self._count

    def closed(self) -> bool:
        """Tell aiokafka that nothing is added."""
        return True

    def close(self) -> None:
        """Do nothing: nothing is added."""

    def size(self) -> int:
        """Give the bytes it takes now."""
        return _HEADER.size + len(self._records if self._packed is None else self._packed)

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        self.compress()
        packed = self._packed or b""
        last = self._count - 1
        checked = _CHECKED.pack(_ZSTD, last, self._sent_at_ms, self._sent_at_ms, *self._producer, self._count) + packed
        length = _CHECKED_FROM - _LENGTH_FROM + len(checked)
        ahead = struct.pack(">qiibI", 0, length, _NO_EPOCH, _MAGIC, calc_crc32c(checked))
        return bytearray(ahead + checked)


def _records(keys: Sequence[bytes], values: Sequence[bytes], headers: bytes) -> Iterator[bytes]:
    sizes = set(zip(map(len, keys), map(len, values), strict=True))
    if len(sizes) == 1:
        (key_size, value_size) = sizes.pop()
        heads: Iterator[bytes] = iter(_heads(len(keys), key_size, value_size, len(headers)))
        middles: Iterator[bytes] = repeat(_varint(value_size), len(keys))
    else:
        heads = (
            _head(number, len(key), len(value), len(headers))
            for number, (key, value) in enumerate(zip(keys, values, strict=True))
        )
        middles = (_varint(len(value)) for value in values)
    ends = repeat(headers, len(keys))
    return chain.from_iterable(zip(heads, keys, middles, values, ends, strict=True))


@lru_cache(maxsize=256)
def _heads(count: int, key_size: int, value_size: int, headers_size: int) -> list[bytes]:
    return [_head(number, key_size, value_size, headers_size) for number in range(count)]


def _head(number: int, key_size: int, value_size: int, headers_size: int) -> bytes:
    """Give what stands before a record's key: its length, no attributes, no later time, its number, the key's size."""
    begin = b"\0\0" + _varint(number) + _varint(key_size)
    return _varint(len(begin) + key_size + len(_varint(value_size)) + value_size + headers_size) + begin


@lru_cache
def _headers(headers: tuple[tuple[str, bytes], ...]) -> bytes:
    pairs = ((name.encode(), value) for name, value in headers)
    written = (_varint(len(name)) + name + _varint(len(value)) + value for name, value in pairs)
    return _varint(len(headers)) + b"".join(written)


@lru_cache(maxsize=8192)
def _varint(number: int) -> bytes:
    """Give a number that is not negative in the protocol's zigzag encoding, seven bits a byte, the lowest first."""
    left, written = number << 1, bytearray()
    while left > 0x7F:  # noqa: PLR2004 - seven bits
        written.append(left & 0x7F | 0x80)
        left >>= 7
    written.append(left)
    return bytes(written)
