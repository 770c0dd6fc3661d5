"""Record batches as only an unkind producer writes them: headers named in Latin-1, and more than one should unpack."""

from __future__ import annotations

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


def bomb(records: int, *, key: bytes, codec: Codec = "zstd") -> bytes:
    """Give a record batch of `records` times 900 kB of zeros, packed as a stream so that nobody has to hold it."""
    pack, finish = _packer(codec)
    packed = bytearray()
    for number in range(records):
        value = b"0" * 900_000
        attributes, headers = b"\0", _varint(0)
        body = attributes + _varint(0) + _varint(number) + _varint(len(key)) + key
        body += _varint(len(value)) + value + headers
        packed += pack(_varint(len(body)) + body)
    packed += finish()
    counted = struct.pack(">hiqqqhii", _CODECS[codec], records - 1, 0, 0, -1, -1, -1, records) + packed
    return struct.pack(">qiib", 0, 9 + len(counted), -1, 2) + struct.pack(">I", calc_crc32c(counted)) + counted


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
