from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

import cramjam
import pytest
from aiokafka import codec
from hypothesis import given
from hypothesis import strategies as st

from runtime.kafka import unpacking
from runtime.kafka.unpacking import LARGEST_UNPACKED_BYTES, UnpacksTooLarge, Unreadable

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


@named
@pytest.mark.parametrize("packed", [b"", b"\0", b"not packed at all", b"\xff" * 40])
def test_whatever_a_codec_raises_is_unreadable(name: str, packed: bytes) -> None:
    with suppress(Unreadable):
        assert CODECS[name][1](packed) == b""


@named
@given(st.binary(min_size=1, max_size=200), st.data())
def test_what_is_cut_or_changed_on_the_way_is_unpacked_or_unreadable(
    name: str, data: bytes, draw: st.DataObject
) -> None:
    pack, unpack = CODECS[name]
    packed = bytearray(pack(data))
    packed[draw.draw(st.integers(0, len(packed) - 1))] = draw.draw(st.integers(0, 255))
    with suppress(Unreadable):
        unpack(bytes(packed[: draw.draw(st.integers(0, len(packed)))]))


def test_all_members_of_gzip_are_unpacked_within_the_bound() -> None:
    assert bytes(unpacking.gzip_unpacked(codec.gzip_encode(b"a" * 9) + codec.gzip_encode(b"b"))) == b"a" * 9 + b"b"
    with pytest.raises(UnpacksTooLarge):
        unpacking.gzip_unpacked(codec.gzip_encode(b"0" * (LARGEST_UNPACKED_BYTES // 2)) * 3)


def test_no_size_is_read_from_what_is_no_frame_of_zstd() -> None:
    skipped = struct.pack("<II", 0x184D2A50, 0xE0) + b"\xff" * 0xE0
    assert bytes(unpacking.zstd_unpacked(skipped + codec.zstd_encode(b"a"))) == b"a"


def test_snappy_whose_blocks_tell_a_negative_length_comes_to_an_end() -> None:
    packed = codec.snappy_encode(b"a" * 100)
    with pytest.raises(Unreadable):
        unpacking.snappy_unpacked(packed + struct.pack(">i", -4) + packed)
