from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import cramjam
import pytest
from aiokafka import codec
from hypothesis import given
from hypothesis import strategies as st
from raw_batches import heavy

from runtime.kafka import unpacking
from runtime.kafka.unpacking import LARGEST_UNPACKED_BYTES, TooLarge, Unreadable, most_bytes

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
    with pytest.raises(TooLarge, match="unpacks to more than 67108864 bytes; send smaller batches"):
        unpack(pack(heavy(LARGEST_UNPACKED_BYTES + 1, 0)))


@pytest.mark.parametrize("name", ["zstd", "gzip"])  # the others never pack that densely
def test_what_unpacks_to_more_than_readings_can_is_refused_before_it_is_large(name: str) -> None:
    pack, unpack = CODECS[name]
    packed = pack(b"0" * 60_000_000)
    tracemalloc.start()
    with pytest.raises(TooLarge, match=f"unpacks to more than {most_bytes(len(packed))} bytes"):
        unpack(packed)
    assert tracemalloc.get_traced_memory()[1] < 2 * most_bytes(len(packed)) + 3_000_000
    tracemalloc.stop()


def test_a_batch_of_few_bytes_may_unpack_to_a_megabyte_whatever_its_ratio() -> None:
    assert most_bytes(40) == most_bytes(4_096) == 1_048_576
    assert (most_bytes(10_000), most_bytes(2_000_000)) == (2_560_000, LARGEST_UNPACKED_BYTES)


def test_zstd_that_does_not_tell_its_size_is_bounded_as_well() -> None:
    assert len(unpacking.zstd_unpacked(_streamed(8))) == 8_000_000
    with pytest.raises(TooLarge):
        unpacking.zstd_unpacked(_streamed(100))


def _streamed(megabytes: int) -> bytes:
    compressor = cramjam.zstd.Compressor()
    for number in range(megabytes):
        compressor.compress(heavy(1_000_000, number))
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
    with pytest.raises(TooLarge):
        unpacking.gzip_unpacked(codec.gzip_encode(b"0" * (LARGEST_UNPACKED_BYTES // 2)) * 3)


def test_no_size_is_read_from_what_is_no_frame_of_zstd() -> None:
    skipped = struct.pack("<II", 0x184D2A50, 0xE0) + b"\xff" * 0xE0
    assert bytes(unpacking.zstd_unpacked(skipped + codec.zstd_encode(b"a"))) == b"a"


def test_snappy_whose_blocks_tell_a_negative_length_comes_to_an_end() -> None:
    packed = codec.snappy_encode(b"a" * 100)
    with pytest.raises(Unreadable):
        unpacking.snappy_unpacked(packed + struct.pack(">i", -4) + packed)
