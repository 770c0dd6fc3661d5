from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, zstd_encode
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder, _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c, encode_varint
from hypothesis import given
from hypothesis import strategies as st
from raw_batches import LatinName, empty_records, framed, frames

from runtime.kafka import partition_records
from runtime.kafka.batch_records import MOST_RECORDS, KeptRecords, records_with_mended_names
from runtime.kafka.partition_records import BoundedPartitionRecords, install_bounded_reading
from runtime.kafka.passed_over import PassedOver
from runtime.kafka.unpacking import LARGEST_UNPACKED_BYTES

ZSTD = 4
install_bounded_reading()


def _batch(first_offset: int, values: Sequence[bytes], name: str = "schema", builder: Any = None) -> bytes:
    made = (builder or DefaultRecordBatchBuilder)(2, ZSTD, 0, -1, -1, -1, 200_000_000)
    for number, value in enumerate(values):
        made.append(number, 1_000, b"key", value, [(name, b"x")])
    return first_offset.to_bytes(8, "big") + bytes(made.build())[8:]  # the offset is not in the checksum


def _fetched(*batches: bytes, position: int = 0) -> BoundedPartitionRecords:
    return BoundedPartitionRecords(
        tp=TopicPartition("readings", 3), records=KeptRecords(b"".join(batches)), aborted_transactions=None,
        fetch_offset=position, key_deserializer=None, value_deserializer=None, check_crcs=True,
        isolation_level=READ_UNCOMMITTED,
    )  # fmt: skip


def _offsets(fetched: BoundedPartitionRecords) -> list[int]:
    return [record.offset for record in fetched]


def test_a_batch_that_unpacks_to_too_much_is_passed_over_and_what_follows_is_read() -> None:
    large = _batch(2, [b"0" * 1_000_000] * (LARGEST_UNPACKED_BYTES // 1_000_000 + 1))
    fetched = _fetched(_batch(0, [b"a", b"b"]), large, _batch(100, [b"c"]))
    assert _offsets(fetched) == [0, 1, 100]
    assert fetched.next_fetch_offset == 101


@pytest.mark.parametrize(("records", "read"), [(MOST_RECORDS, MOST_RECORDS), (MOST_RECORDS + 1, 0)])
def test_a_batch_of_too_many_records_is_passed_over_as_a_whole(records: int, read: int) -> None:
    assert len(_offsets(_fetched(empty_records(records)))) == read


def test_a_name_that_is_no_utf_8_is_mended_and_the_others_stay() -> None:
    fetched = _fetched(_batch(0, [b"a", b"b"], LatinName("größe"), _DefaultRecordBatchBuilderPy), _batch(2, [b"c"]))
    assert [(record.value, record.headers[0][0]) for record in fetched] == [
        (b"a", "?????"),
        (b"b", "?????"),
        (b"c", "schema"),
    ]


def test_no_more_is_handed_on_at_once_than_fits_and_the_rest_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_records, "MOST_BYTES_AT_ONCE", 2_500)
    batches = [_batch(0, [b"0" * 1_000] * 4), _batch(4, [b"0" * 1_000])]
    read: list[int] = []
    position = 0
    while position < 5:
        fetched = _fetched(*batches, position=position)
        read += _offsets(fetched)
        position = fetched.next_fetch_offset
    assert read == [0, 1, 2, 3, 4]


FOREIGN_DELTAS = {"beyond": [0, 1, 700], "before": [0, -1, 2], "not rising": [0, 2, 1], "twice": [0, 1, 1]}


@pytest.mark.parametrize("deltas", FOREIGN_DELTAS.values(), ids=list(FOREIGN_DELTAS))
def test_a_batch_whose_records_claim_foreign_offsets_is_passed_over_as_a_whole(deltas: list[int]) -> None:
    foreign = framed(frames((delta, b"key", b"x") for delta in deltas), 3, first_offset=2)
    fetched = _fetched(_batch(0, [b"a", b"b"]), foreign, _batch(5, [b"c"]))
    assert _offsets(fetched) == [0, 1, 5]
    assert fetched.next_fetch_offset == 6


def test_offsets_that_compaction_left_gaps_in_are_read() -> None:
    kept = framed(frames([(1, b"key", b"x"), (4, b"key", b"y")]), 2, first_offset=10)
    compacted = kept[:23] + (5).to_bytes(4, "big") + kept[27:]
    assert _offsets(_fetched(_checked(compacted), position=10)) == [11, 14]


def test_a_compacted_batch_may_span_more_offsets_than_it_may_have_records() -> None:
    last = 10 * MOST_RECORDS
    kept = framed(frames([(1, b"key", b"x"), (last, b"key", b"y")]), 2)
    compacted = kept[:23] + last.to_bytes(4, "big") + kept[27:]
    assert _offsets(_fetched(_checked(compacted))) == [1, last]


def _checked(batch: bytes) -> bytes:
    checksum: int = calc_crc32c(batch[21:])
    return batch[:17] + checksum.to_bytes(4, "big") + batch[21:]


def test_batches_that_no_codec_or_parser_can_read_are_passed_over_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(partition_records, "_passed_over", PassedOver())
    packed = [framed(b"not packed at all", 2, codec=codec, first_offset=2 * codec) for codec in range(5)]
    with caplog.at_level(logging.WARNING):
        assert _offsets(_fetched(*packed, _batch(10, [b"c"]))) == [10]
    (told,) = caplog.records
    assert (told.__dict__["topic"], told.__dict__["partition"], told.__dict__["offset"]) == ("readings", 3, 0)
    assert "offsets 0 to 1: the record batch cannot be read" in told.__dict__["reason"]


@pytest.mark.parametrize("length", [2**40, -(2**40)])
def test_a_length_that_points_out_of_a_batch_is_not_followed(length: int) -> None:
    written = bytearray()
    encode_varint(length, written.append)
    body = b"\0\0\0" + bytes([2]) + b"k" + bytes([2]) + b"v" + b"\x7e" + bytes(written) + b"\xff" * 5
    damaged = framed(bytes([2 * len(body)]) + body, 1)
    with pytest.raises((CorruptRecordException, ValueError, IndexError)):
        list(records_with_mended_names(damaged))
    assert _offsets(_fetched(damaged, _batch(1, [b"c"]))) == [1]


@given(st.integers(0, 40), st.binary(min_size=1, max_size=12), st.sampled_from([0, 1, 4]))
def test_whatever_is_written_over_records_they_are_read_or_passed_over(at: int, over: bytes, codec: int) -> None:
    plain = bytearray(frames((delta, b"key", b"x") for delta in range(4)))
    plain[at : at + len(over)] = over
    pack = {0: bytes, 1: gzip_encode, 4: zstd_encode}[codec]
    offsets = _offsets(_fetched(framed(pack(bytes(plain)), 4, codec=codec), _batch(4, [b"c"])))
    assert sorted(set(offsets)) == offsets
    assert offsets[-1] == 4
