from __future__ import annotations

import struct

from aiokafka.codec import zstd_decode
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.reading import READING_SCHEMA
from simulator.transport.record_batch import RecordBatch

HEADERS = [("schema", READING_SCHEMA)]
SENT_AT_MS = 1_790_000_000_000
ZSTD = 4


def written(keys: list[bytes], values: list[bytes], *, is_ahead: bool = False) -> bytes:
    batch = RecordBatch(keys, values, sent_at_ms=SENT_AT_MS, headers=HEADERS)
    if is_ahead:
        batch.compress()
    batch._set_producer_state(7, 3, 99)
    return bytes(batch._build())


def aiokafkas(keys: list[bytes], values: list[bytes]) -> bytes:
    builder = BatchBuilder(2**24, ZSTD)
    for key, value in zip(keys, values, strict=True):
        builder.append(timestamp=SENT_AT_MS, key=key, value=value, headers=HEADERS)
    builder._set_producer_state(7, 3, 99)
    return bytes(builder._build())


def plain(made: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Give all but what follows from the level of compression: length and checksum."""
    return made[:8], made[12:17], made[21:61], zstd_decode(made[61:])


def test_a_batch_of_equal_readings_has_the_bytes_that_aiokafka_writes() -> None:
    keys = [b"0CC%014d" % number for number in range(640)]
    values = [b'{"speed_kmh":%05d}' % number + b" " * 700 for number in range(640)]
    made = written(keys, values)
    assert made == written(keys, values, is_ahead=True)
    assert plain(made) == plain(aiokafkas(keys, values))
    assert DefaultRecordBatch(bytearray(made)).validate_crc()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20), st.binary(max_size=300)), min_size=1, max_size=80))
def test_whatever_the_way_did_to_readings_the_records_hold_it(records: list[tuple[bytes, bytes]]) -> None:
    keys, values = [key for key, _ in records], [value for _, value in records]
    batch = DefaultRecordBatch(bytearray(written(keys, values)))
    assert batch.validate_crc()
    assert [(bytes(record.key), bytes(record.value)) for record in batch] == records


def test_the_producers_state_is_written_after_compression() -> None:
    made = written([b"key"], [b"value"], is_ahead=True)
    assert struct.unpack_from(">qhi", made, 43) == (7, 3, 99)
