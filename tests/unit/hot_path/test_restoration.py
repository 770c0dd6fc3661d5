from __future__ import annotations

import msgspec
import pytest
from aiokafka.record.default_records import DefaultRecord
from driving import START_MS, VIN, Drive, a_reading
from hypothesis import given
from hypothesis import strategies as st

from contracts.partitioning import partition_of_key
from contracts.record import Record
from contracts.record_checks import Ends
from contracts.topics import READING_PARTITIONS
from contracts.vehicle_state import Mark, VehicleState, mark_key
from hot_path.restoration import (
    MOST_STATE_BYTES,
    Delivery,
    LostChunk,
    OlderRecords,
    PartitionRecords,
    was_created_anew,
)
from rules.written import gathered
from runtime.kafka.chunk import Chunk, RecordBatch

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


def _lie(key: bytes, **fields: object) -> bytes:
    drive = Drive()
    drive.read(a_reading(0))
    (state,) = drive.fold.drain(1)
    honest = drive.fold.mark(1)[1] if key.startswith(b"mark:") else state[1]
    return msgspec.json.encode(msgspec.json.decode(honest) | fields)


@pytest.mark.parametrize(
    "fields", [{"offset": 2**52}, {"offset": 50, "trips": []}, {"offset": 50, "received_at_ms": NOW_MS + 10**9}]
)
def test_behind_a_lying_state_the_one_before_it_is_believed(fields: dict[str, object]) -> None:
    drive = Drive()
    drive.read(a_reading(0))
    (state,) = drive.fold.drain(1)
    written = [state, (state[0], _lie(state[0], **fields))]
    records = PartitionRecords()
    records.take(_chunk(0, sequence=0, records=[_record(at, *record) for at, record in enumerate(written)]))
    found, lost = records.believed(ENDS, None)
    assert (found, lost) == ({}, {VIN.encode()})
    older = OlderRecords(lost, ENDS, None)
    for at, (key, value) in enumerate(written):
        older.take(Record("states", HOME, at, NOW_MS, key, value))
    assert gathered(older.believed().items())[0] == drive.fold.states


@pytest.mark.parametrize(
    ("key", "fields"), [(VIN.encode(), {"next_offset": 10**15}), (mark_key(HOME), {"offset": 10**15})]
)
def test_a_field_that_its_kind_does_not_have_keeps_no_newer_record_out(key: bytes, fields: dict[str, int]) -> None:
    drive = Drive()
    written = []
    for second in range(2):
        drive.read(a_reading(second))
        written += [*drive.fold.drain(1), drive.fold.mark(second + 1)]
    at = next(at for at, (found, _) in enumerate(written) if found == key)
    written[at] = key, msgspec.json.encode(msgspec.json.decode(written[at][1]) | fields)
    records = PartitionRecords()
    records.take(_chunk(0, sequence=0, records=[_record(place, *record) for place, record in enumerate(written)]))
    states, mark = _restored(records)
    assert states[VIN].offset == 1
    assert mark is not None
    assert mark.next_offset == 2


def test_a_tombstone_of_a_mark_takes_nothing_back() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    mark = drive.fold.mark(1)
    records = PartitionRecords()
    records.take(_chunk(0, sequence=0, records=[_record(0, *mark), _record(1, mark[0], None)]))
    _, found = _restored(records)
    assert found is not None


def test_marks_of_another_topic_tell_that_it_was_created_anew_unless_one_is_of_this_topic() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    key, own = drive.fold.mark(1, "this")
    foreign = _lie(key, topic_id="another", next_offset=2**52)

    def judged(*values: bytes) -> bool:
        records = PartitionRecords()
        records.take(_chunk(0, sequence=0, records=[_record(at, key, value) for at, value in enumerate(values)]))
        found, lost = records.believed(ENDS, "this")
        older = OlderRecords(lost, ENDS, "this")
        for at, value in enumerate(values):
            older.take(Record("states", HOME, at, NOW_MS, key, value))
        believed = [*found.values(), *older.believed().values()]
        return was_created_anew((error for _, error in records.refused), believed, "this")

    assert judged(foreign)
    assert not judged(own, foreign)
    assert not judged(own)
    assert not judged(drive.fold.mark(1)[1])


@given(st.lists(st.tuples(st.sampled_from([VIN.encode(), mark_key(HOME), b"x", b""]), st.none() | st.binary())))
def test_no_records_stop_a_restoration(written: list[tuple[bytes, bytes | None]]) -> None:
    records = PartitionRecords()
    records.take(_chunk(0, sequence=0, records=[_record(at, *record) for at, record in enumerate(written)]))
    _, lost = records.believed(ENDS, "this")
    older = OlderRecords(lost, ENDS, "this")
    for at, (key, value) in enumerate(written):
        older.take(Record("states", HOME, at, NOW_MS, key, value))


def test_what_was_read_may_be_judged_a_few_keys_at_a_time() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    (state,) = drive.fold.drain(1)
    records = PartitionRecords()
    records.take(_chunk(0, sequence=0, records=[_record(0, *state), _record(1, *drive.fold.mark(1))]))
    found = []
    while records.count():
        found.append(records.believed(ENDS, None, most=1)[0])
    assert [len(part) for part in found] == [1, 1]
    assert {key for part in found for key in part} == {state[0], mark_key(HOME)}


def test_a_state_that_leaves_no_room_for_what_follows_is_refused() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    ((key, value),) = drive.fold.drain(1)
    records = PartitionRecords()
    large = value[:-1] + b',"x":"' + b"x" * MOST_STATE_BYTES + b'"}'
    records.take(_chunk(0, sequence=0, records=[_record(0, key, large)]))
    assert records.believed(ENDS, None) == ({}, {key})
    assert [error.flaw for _, error in records.refused] == ["size"]
