from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.record.default_records import DefaultRecordBatchBuilder, _DefaultRecordBatchBuilderPy

from runtime.kafka import partition_records
from runtime.kafka.batch_records import KeptRecords
from runtime.kafka.partition_records import BoundedPartitionRecords, install_bounded_reading
from runtime.kafka.unpacking import LARGEST_UNPACKED_BYTES

ZSTD = 4
install_bounded_reading()


class LatinName(str):
    """A header's name as a producer may send it that does not write UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"gr\xf6\xdfe"


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
