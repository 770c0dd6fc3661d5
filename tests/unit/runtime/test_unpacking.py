from __future__ import annotations

from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec
from hypothesis import given
from hypothesis import strategies as st

from runtime.kafka import unpacking
from runtime.kafka.unpacking import LARGEST_UNPACKED_BYTES, UnpacksTooLarge

CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes | bytearray]]] = {
    "zstd": (codec.zstd_encode, unpacking.zstd_unpacked),
    "lz4": (codec.lz4_encode, unpacking.lz4_unpacked),
    "gzip": (codec.gzip_encode, unpacking.gzip_unpacked),
    "snappy": (codec.snappy_encode, unpacking.snappy_unpacked),
}
named = pytest.mark.parametrize("name", list(CODECS))


@named
@given(st.binary(min_size=1, max_size=2_000), st.integers(1, 200))
def test_what_was_packed_is_unpacked(name: str, data: bytes, times: int) -> None:
    pack, unpack = CODECS[name]
    assert bytes(unpack(pack(data * times))) == data * times


@named
def test_what_unpacks_to_more_than_is_taken_is_refused(name: str) -> None:
    pack, unpack = CODECS[name]
    with pytest.raises(UnpacksTooLarge, match="unpacks to more than 67108864 bytes; send smaller batches"):
        unpack(pack(b"0" * (LARGEST_UNPACKED_BYTES + 1)))


def test_zstd_that_does_not_tell_its_size_is_bounded_as_well() -> None:
    assert bytes(unpacking.zstd_unpacked(_streamed(8))) == b"0" * 8_000_000
    with pytest.raises(UnpacksTooLarge):
        unpacking.zstd_unpacked(_streamed(100))


def _streamed(megabytes: int) -> bytes:
    compressor = cramjam.zstd.Compressor()
    for _ in range(megabytes):
        compressor.compress(b"0" * 1_000_000)
    return bytes(compressor.finish())


def test_a_header_that_tells_too_little_is_no_way_around_the_bound() -> None:
    packed = codec.zstd_encode(b"1" * 1_000)
    assert len(unpacking.zstd_unpacked(packed + packed)) == 2_000


def test_what_is_not_packed_at_all_is_named_as_before() -> None:
    with pytest.raises(cramjam.DecompressionError):
        unpacking.zstd_unpacked(b"no zstd at all")
