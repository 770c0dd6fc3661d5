"""Record batches as only an unkind producer writes them: oddly named, packed or numbered, or too large unpacked."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Literal

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c, encode_varint

Headers = list[tuple[str, bytes]]
Codec = Literal["gzip", "zstd"]
_CODECS: dict[Codec, int] = {"gzip": 1, "zstd": 4}
_LARGEST_BATCH_BYTES = 100_000_000
_NO_HEADERS = b"\0"


class LatinName(str):
    """A header's name as a producer may send it that does not write UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"gr\xf6\xdfe"


async def send_batch(
    bootstrap: str, topic: str, records: Iterable[tuple[bytes, bytes, Headers]], *, partition: int
) -> None:
    """Send (key, value, headers) as one record batch, however much it unpacks to."""
    async with _producer(bootstrap) as producer:
        batch = producer.create_batch()
        # The builder in Python: the one in C takes no names but those that are UTF-8.
        batch._builder = _DefaultRecordBatchBuilderPy(2, _CODECS["zstd"], 0, -1, -1, -1, _LARGEST_BATCH_BYTES)
        for key, value, headers in records:
            assert batch.append(key=key, value=value, timestamp=None, headers=headers) is not None
        await (await producer.send_batch(batch, topic, partition=partition))


async def send_built(bootstrap: str, topic: str, built: bytes, *, records: int, partition: int) -> None:
    """Send one record batch as its bytes are."""
    async with _producer(bootstrap) as producer:
        batch = producer.create_batch()
        batch.close()
        batch._buffer, batch._relative_offset = bytearray(built), records
        await (await producer.send_batch(batch, topic, partition=partition))


def _producer(bootstrap: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="zstd", max_batch_size=_LARGEST_BATCH_BYTES
    )


def heavy(size: int, seed: int) -> bytes:
    """Return bytes that pack to about a two-hundredth, which is as dense as a batch may be."""
    noise = random.Random(seed).randbytes(size // 200)
    return noise.ljust(size, b"0")


def bomb(
    records: int, *, key: bytes, codec: Codec = "zstd", value_bytes: int = 900_000, is_allowed: bool = False
) -> bytes:
    """Return a record batch of records of zeros, packed as a stream so that nobody has to hold it.

    An allowed one is no denser than a batch may be.
    """
    pack, finish = _packer(codec)
    packed, zeros = bytearray(), b"0" * 1_000_000
    for number in range(records):
        packed += pack(_before_value(number, key, value_bytes))
        for at in range(0, value_bytes, len(zeros)):
            size = min(len(zeros), value_bytes - at)
            packed += pack(heavy(size, number + at) if is_allowed else zeros[:size])
        packed += pack(_NO_HEADERS)
    packed += finish()
    return framed(bytes(packed), records, codec=_CODECS[codec])


def empty_records(records: int) -> bytes:
    """Return a record batch of records with an empty key and an empty value."""
    pack, finish = _packer("zstd")
    packed = pack(frames((number, b"", b"") for number in range(records))) + finish()
    return framed(packed, records, codec=_CODECS["zstd"])


def frames(records: Iterable[tuple[int, bytes, bytes]]) -> bytes:
    """Return records of (offset delta, key, value) as they stand in a batch, one after the other."""
    return b"".join(_before_value(delta, key, len(value)) + value + _NO_HEADERS for delta, key, value in records)


def _before_value(delta: int, key: bytes, value_bytes: int) -> bytes:
    body = b"\0" + _varint(0) + _varint(delta) + _varint(len(key)) + key + _varint(value_bytes)
    return _varint(len(body) + value_bytes + len(_NO_HEADERS)) + body


def framed(payload: bytes, records: int, *, codec: int = 0, first_offset: int = 0) -> bytes:
    """Return a record batch of a payload as it is, whatever the number of the codec that it claims."""
    counted = struct.pack(">hiqqqhii", codec, records - 1, 0, 0, -1, -1, -1, records) + payload
    return (
        struct.pack(">qiib", first_offset, 9 + len(counted), -1, 2) + struct.pack(">I", calc_crc32c(counted)) + counted
    )


def lz4_of_false_content(data: bytes) -> bytes:
    """Return a frame of lz4 whose checksum of its content, which the broker does not look at, is another content's."""
    compressor = cramjam.lz4.Compressor(level=1, content_checksum=True, block_linked=False)
    compressor.compress(data)
    return bytes(compressor.finish())[:-4] + b"\1\2\3\4"


def _packer(codec: Codec) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if codec == "gzip":
        gzip = zlib.compressobj(1, wbits=31)
        return gzip.compress, gzip.flush
    zstd = cramjam.zstd.Compressor()

    def pack(data: bytes) -> bytes:
        zstd.compress(data)
        return b""

    return pack, lambda: bytes(zstd.finish())


def _varint(number: int) -> bytes:
    written = bytearray()
    encode_varint(number, written.append)
    return bytes(written)
