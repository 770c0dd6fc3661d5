from __future__ import annotations

import pytest
from aiokafka.record.default_records import DefaultRecord
from driving import START_MS, VIN, Drive, a_reading

from contracts.partitioning import partition_of_key
from contracts.record_checks import Ends
from contracts.topics import READING_PARTITIONS
from contracts.vehicle_state import Mark, VehicleState, mark_key
from hot_path.restoration import Delivery, LostChunk, PartitionRecords
from hot_path.transport.chunk import Chunk, RecordBatch
from rules.written import gathered

HOME = partition_of_key(VIN.encode(), READING_PARTITIONS)
NOW_MS = START_MS + 3_600_000
ENDS: Ends = dict.fromkeys(range(READING_PARTITIONS), 100)


def _chunk(first_offset: int, *, sequence: int, epoch: int = 1, records: list[DefaultRecord] | None = None) -> Chunk:
    batches = [RecordBatch(NOW_MS, list(records or []))]
    return Chunk("states", HOME, first_offset, first_offset + 9, 0, 1, batches, epoch=epoch, sequence=sequence)


def _record(offset: int, key: bytes, value: bytes | None) -> DefaultRecord:
    return DefaultRecord(offset, 0, 1, key, value, [])


def _restored(records: PartitionRecords) -> tuple[dict[str, VehicleState], Mark | None]:
    return gathered(records.believed(ENDS, None)[0].items())


def test_a_missing_chunk_is_noticed() -> None:
    delivery = Delivery()
    assert delivery.is_due(_chunk(0, sequence=0))
    with pytest.raises(LostChunk, match=rf"states\[{HOME}\]: chunk 2 from offset 20 .* where chunk 1 from offset 10"):
        delivery.is_due(_chunk(20, sequence=2))


def test_a_chunk_of_an_ended_epoch_does_not_count() -> None:
    delivery = Delivery()
    assert delivery.is_due(_chunk(0, sequence=0, epoch=2))
    assert not delivery.is_due(_chunk(10, sequence=1, epoch=1))
    assert delivery.is_due(_chunk(10, sequence=1, epoch=2))


def test_reading_again_from_an_earlier_position_is_no_loss() -> None:
    delivery = Delivery()
    assert delivery.is_due(_chunk(0, sequence=0))
    assert delivery.is_due(_chunk(10, sequence=1))
    assert delivery.is_due(_chunk(5, sequence=0, epoch=2))


def test_the_state_with_the_highest_offset_wins_whoever_wrote_last() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    (older,) = drive.fold.drain(1)
    drive.read(a_reading(1), a_reading(2))
    (newer,) = drive.fold.drain(1)
    records = PartitionRecords()
    written = [older, newer, drive.fold.mark(3), older, drive.fold.mark(1)]
    records.take(_chunk(0, sequence=0, records=[_record(at, *record) for at, record in enumerate(written)]))
    states, mark = _restored(records)
    assert states[VIN] == drive.fold.states[VIN]
    assert mark is not None
    assert mark.next_offset == 3


def test_a_tombstone_removes_a_vehicle_and_a_record_without_key_is_nothing() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    (state,) = drive.fold.drain(1)
    records = PartitionRecords()
    keyless = DefaultRecord(2, 0, 1, None, b"{}", [])
    records.take(_chunk(0, sequence=0, records=[_record(0, *state), _record(1, state[0], None), keyless]))
    assert _restored(records) == ({}, None)


@pytest.mark.parametrize("value", [b"not JSON", b'{"offset": 7, "partition": "x"}', b"\xff"])
def test_a_state_that_does_not_decode_is_left_out_and_an_older_one_stands_in(value: bytes) -> None:
    drive = Drive()
    drive.read(a_reading(0))
    (state,) = drive.fold.drain(1)
    other = b"1HGCM82633A004353"
    records = PartitionRecords()
    written = [state, (state[0], b"{"), (other, value), (mark_key(HOME), b"?"), drive.fold.mark(1)]
    records.take(_chunk(0, sequence=0, records=[_record(at, *record) for at, record in enumerate(written)]))
    states, mark = _restored(records)
    assert states == drive.fold.states
    assert mark is not None
    assert mark.next_offset == 1
    assert {record.key for record, _ in records.refused} == {VIN.encode(), other, mark_key(HOME)}
