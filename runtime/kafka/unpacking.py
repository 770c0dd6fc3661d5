"""Unpacking record batches within bounds: 2 MiB at the broker can unpack to gigabytes, which nobody may be made to do.

aiokafka's decoders are replaced by ones that stop at `most_bytes`. A batch of honest readings that is as large as the
broker takes unpacks to a third of LARGEST_UNPACKED_BYTES, and no honest batch to so many times its packed bytes: what
one request can make everybody unpack is bounded too. Whatever a codec raises becomes Unreadable.
"""

from __future__ import annotations

import gzip
import struct
import threading
import zlib
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

import cramjam
from aiokafka import codec
from aiokafka.record import default_records
from aiokafka.record._crecords import default_records as compiled_records

LARGEST_UNPACKED_BYTES = 64 * 1024 * 1024
SURELY_TAKEN_BYTES = 1024 * 1024
LARGEST_RATIO = 256
"""Of unpacked to packed bytes, beyond SURELY_TAKEN_BYTES: readings come to 10 to 50."""
_LIKELY_RATIO = 16
_READ_BYTES = 1024 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_XERIAL_HEADER_BYTES = 16
_IS_FULL = "failed to write whole buffer"
"""What cramjam says when there is more than the room it was given."""

_RAISED_BY_CODECS = (
    cramjam.DecompressionError, zlib.error, struct.error, EOFError, OSError, ValueError, IndexError, OverflowError,
)  # fmt: skip
_latest = threading.local()

Into = Callable[[bytes, bytearray], int]
Unpack = Callable[[bytes], bytes | bytearray]


class Unreadable(Exception):
    """A record batch that the broker took cannot be read, from an offset on; None where from its first one on."""

    first_offset: int | None = None


def most_bytes(packed: int) -> int:
    """Return to how many bytes a record batch may unpack whose records take so many packed."""
    return min(LARGEST_UNPACKED_BYTES, max(SURELY_TAKEN_BYTES, packed * LARGEST_RATIO))


class TooLarge(Unreadable):
    """A record batch is larger than is taken: what it unpacks to, or how many records it holds."""


def unpacked_bytes(batch: Any) -> int:
    """Unpack aiokafka's batch; return to how many bytes, 0 where it is not packed or unpacked already.

    Raises Unreadable.
    """
    _latest.size = 0
    iter(batch)
    size: int = _latest.size
    return size


def _readable(unpack: Unpack) -> Unpack:
    """Let a decoder raise Unreadable instead of what its codec raises, and note what it unpacked to."""

    @wraps(unpack)
    def unpack_readable(packed: bytes) -> bytes | bytearray:
        try:
            unpacked = unpack(packed)
        except _RAISED_BY_CODECS as error:
            raise Unreadable(f"cannot be unpacked: {error}; look at its producer's compression") from error
        _latest.size = len(unpacked)
        return unpacked

    return unpack_readable


@_readable
def zstd_unpacked(packed: bytes) -> bytes | bytearray:
    """Unpack zstd. Raises Unreadable."""
    data = bytes(packed)
    size = _zstd_size(data)
    _refuse_over(most_bytes(len(data)), size or 0)
    return _unpacked(cramjam.zstd.decompress_into, data, size or len(data) * _LIKELY_RATIO)


@_readable
def lz4_unpacked(packed: bytes) -> bytes | bytearray:
    """Unpack frames of lz4. Raises Unreadable."""
    data = bytes(packed)
    return _unpacked(cramjam.lz4.decompress_into, data, len(data) * _LIKELY_RATIO)


@_readable
def gzip_unpacked(packed: bytes) -> bytes | bytearray:
    """Unpack all members of gzip. Raises Unreadable."""
    unpacked, most = bytearray(), most_bytes(len(packed))
    with gzip.GzipFile(fileobj=BytesIO(packed)) as members:
        while part := members.read(_READ_BYTES):
            unpacked += part
            _refuse_over(most, len(unpacked))
    return unpacked


@_readable
def snappy_unpacked(packed: bytes) -> bytes | bytearray:
    """Unpack snappy, whose blocks tell their sizes. Raises Unreadable."""
    blocks = _snappy_blocks(bytes(packed))
    _refuse_over(most_bytes(len(packed)), sum(cramjam.snappy.decompress_raw_len(block) for block in blocks))
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def install_bounded_unpacking() -> None:
    """Let aiokafka unpack within bounds, in all of this process. Repeatable."""
    for module in (compiled_records, default_records):
        module.zstd_decode = zstd_unpacked
        module.lz4_decode = lz4_unpacked
        module.gzip_decode = gzip_unpacked
        module.snappy_decode = snappy_unpacked


def _unpacked(into: Into, data: bytes, room: int) -> bytearray:
    """Unpack into as much room as is likely to do, then into more, up to the bound."""
    most = most_bytes(len(data))
    while True:
        unpacked = bytearray(min(room, most))
        try:
            size = into(data, unpacked)
        except cramjam.DecompressionError as error:
            if _IS_FULL not in str(error):
                raise
            _refuse_over(most, room + 1)
            room *= 4
        else:
            del unpacked[size:]
            return unpacked


def _refuse_over(most: int, size: int) -> None:
    if size > most:
        raise TooLarge(f"unpacks to more than {most} bytes; send smaller batches")


def _zstd_size(data: bytes) -> int | None:
    """Read the size that a zstd frame's header tells (RFC 8878, section 3.1.1.1); None where it tells none."""
    if len(data) < 6 or not data.startswith(_ZSTD_MAGIC):  # noqa: PLR2004 - magic number, descriptor, one more
        return None
    descriptor = data[4]
    flag, is_single_segment = descriptor >> 6, bool(descriptor & 0x20)
    if flag == 0 and not is_single_segment:
        return None
    at = 5 + (not is_single_segment) + (0, 1, 2, 4)[descriptor & 3]
    size = int.from_bytes(data[at : at + (1, 2, 4, 8)[flag]], "little")
    return size + 256 if flag == 1 else size


def _snappy_blocks(data: bytes) -> list[bytes]:
    if not codec._detect_xerial_stream(data):  # noqa: SLF001 - guarded by private_names
        return [data]
    blocks, at = [], _XERIAL_HEADER_BYTES
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        blocks.append(data[at + 4 : end])
        at = end
    return blocks
