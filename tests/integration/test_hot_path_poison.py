from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.codec import gzip_encode
from eventually import eventually
from hot_path_drives import drives, vin
from hot_path_stage import Stage
from raw_batches import LatinName, bomb, empty_records, framed, frames, heavy, lz4_of_false_content

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.rejection import KEPT_BYTES, from_headers
from contracts.topics import READING_PARTITIONS
from runtime.kafka.batch_records import MOST_RECORDS
from stack.broker import Broker

KEY = vin(1).encode()
HOME = partition_of_key(KEY, READING_PARTITIONS)


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(broker.bootstrap, tmp_path)
    yield built
    built.close()


def _now_ms() -> int:
    return int(time.time() * 1000)  # noqa: TID251


def _reading(**facts: object) -> bytes:
    now_ms = _now_ms()
    plain: dict[str, object] = {
        "vehicle_id": vin(1),
        "sequence": 1,
        "recorded_at_ms": now_ms,
        "trip_started_at_ms": now_ms - 60_000,
        "trip_distance_m": 900,
        "speed_kmh": 50.0,
        "engine_rpm": 1_800.0,
    }
    return encode(Reading(**(plain | facts)))  # type: ignore[arg-type]


def test_poison_ends_in_rejected_readings_with_its_reason_and_the_stream_goes_on(stage: Stage) -> None:
    large = b"[" + b"1," * 450_000 + b"1]"
    poison: list[tuple[str, bytes | None, bytes | None, int | None]] = [
        ("not_json", KEY, b"{'vehicle_id': 1}", None),
        ("not_json", KEY, b"", None),
        ("not_json", KEY, None, None),
        ("wrong_type", KEY, _reading().replace(b"1800.0", b'"fast"'), None),
        ("missing_field", KEY, b"{}", None),
        ("bad_vin", b"WVWZZZ1JZO0000001", _reading(vehicle_id="WVWZZZ1JZO0000001"), None),
        ("wrong_partition", KEY, _reading(), (HOME + 1) % READING_PARTITIONS),
        ("implausible_distance", KEY, _reading(trip_distance_m=10**12), None),
        ("clock_ahead", KEY, _reading(recorded_at_ms=_now_ms() + 365 * 86_400_000), None),
        ("too_large", KEY, large, None),
    ]
    stage.send_raw((key, value, partition) for _, key, value, partition in poison)
    stage.send(drives(20, 20))
    worker = stage.start().wait_ready()
    stage.wait_committed()
    eventually(lambda: worker.figure("readings_rejected_total") == len(poison))
    worker.stop()

    rejected = [(from_headers(record.headers), record) for record in stage.records(stage.rejected)]
    by_offset = sorted(rejected, key=lambda pair: (pair[0].source_partition, pair[0].source_offset))
    assert sorted(story.reason for story, _ in rejected) == sorted(reason for reason, *_ in poison)
    assert len({(story.source_partition, story.source_offset) for story, _ in by_offset}) == len(poison)
    story, record = next(pair for pair in rejected if pair[0].reason == "too_large")
    assert record.value == large[:KEPT_BYTES]
    assert (story.length, story.sha256) == (len(large), hashlib.sha256(large).hexdigest())
    assert record.key == KEY
    assert dict(record.headers)["schema"] == b"vehicle-reading/1"
    stage.assert_nothing_lost()


def test_a_batch_that_unpacks_to_50_mb_does_no_harm(stage: Stage) -> None:
    worker = stage.start().wait_ready()
    stage.send(drives(20, 20))
    stage.wait_committed()
    usual = worker.figure("process_resident_memory_bytes")
    stage.send_batch([(KEY, heavy(900_000, number), []) for number in range(56)], partition=HOME)
    stage.send(drives(20, 40))
    stage.wait_committed()
    eventually(lambda: worker.figure("readings_rejected_total") == 56)
    assert worker.figure("process_resident_memory_bytes") < usual + 300e6
    worker.stop()
    assert {len(record.value) for record in stage.records(stage.rejected)} == {KEPT_BYTES}
    stage.assert_nothing_lost()


def test_of_very_many_empty_records_in_one_request_a_hundred_are_written_and_the_others_counted(stage: Stage) -> None:
    records, in_a_part = 50_000, 2_000
    worker = stage.start().wait_ready()
    stage.send_raw([(KEY, _reading(sequence=2), HOME)])
    stage.send_built(empty_records(records), records=records, partition=HOME)
    stage.send_raw([(KEY, _reading(sequence=3), HOME)])
    stage.wait_committed()
    eventually(lambda: worker.figure("readings_rejected_total") == records)
    worker.stop()
    stories = [from_headers(record.headers) for record in stage.records(stage.rejected)]
    stories.sort(key=lambda story: story.source_offset)
    assert [story.source_offset for story in stories[:100]] == list(range(1, 101))
    assert {story.number for story in stories[:100]} == {1}
    assert len(stories) == 100 + records // in_a_part
    assert sum(story.number for story in stories) == records
    assert stories[-1].last_offset == records
    assert stage.written()[HOME][0][vin(1)].newest.sequence == 3
    stage.assert_nothing_lost()


def test_more_records_than_one_batch_may_hold_are_rejected_as_one(stage: Stage) -> None:
    records = MOST_RECORDS + 1
    worker = stage.start().wait_ready()
    stage.send_built(empty_records(records), records=records, partition=HOME)
    stage.send_raw([(KEY, _reading(sequence=3), HOME)])
    stage.wait_committed()
    worker.stop()
    [rejected] = stage.records(stage.rejected)
    story = from_headers(rejected.headers)
    assert (story.reason, story.number, story.source_offset) == ("too_large", 1, 0)
    assert f"holds {records} records" in story.detail
    assert stage.written()[HOME][0][vin(1)].newest.sequence == 3


def test_a_header_whose_name_is_no_utf_8_stops_nothing(stage: Stage) -> None:
    worker = stage.start().wait_ready()
    name = LatinName("größe")
    stage.send_batch([(KEY, _reading(sequence=2), [(name, b"1")]), (KEY, b"{", [(name, b"1")])], partition=HOME)
    stage.send_raw([(KEY, _reading(sequence=3), None)])
    stage.wait_committed()
    worker.stop()
    assert [record.value for record in stage.records(stage.rejected)] == [b"{"]
    assert stage.written()[HOME][0][vin(1)].newest.sequence == 3


def test_states_are_restored_before_the_first_reading_of_a_new_worker(stage: Stage) -> None:
    first = list(drives(30, 100))
    stage.send(first)
    worker = stage.start().wait_ready()
    stage.wait_committed()
    worker.stop()
    told = len(stage.alert_events())
    assert told > 0

    stage.send(first)  # the whole stream once more, at new offsets: only restored states know it
    last = stage.start().wait_ready()
    stage.wait_committed()
    last.stop()
    assert len(stage.alert_events()) == told
    stage.assert_nothing_lost()


def test_a_batch_that_unpacks_to_gigabytes_is_refused_as_a_whole_and_the_stream_goes_on(stage: Stage) -> None:
    worker = stage.start().wait_ready()
    stage.send(drives(20, 20))
    stage.wait_committed()
    usual = worker.figure("process_resident_memory_bytes")
    packed = bomb(2_400, key=KEY)
    assert len(packed) < 2 * 1024 * 1024
    stage.send_built(packed, records=2_400, partition=HOME)
    stage.send_raw([(KEY, _reading(sequence=3), None)])
    stage.wait_committed()
    eventually(lambda: worker.figure("readings_rejected_total") == 1)
    assert worker.figure("process_resident_memory_bytes") < usual + 300e6
    worker.stop()
    (refused,) = stage.records(stage.rejected)
    story = from_headers(refused.headers)
    assert story.reason == "too_large"
    assert "unpacks to more than" in story.detail
    assert stage.written()[HOME][0][vin(1)].offset == story.source_offset + 2_400


def test_batches_that_cannot_be_read_are_refused_as_a_whole_and_the_stream_goes_on(stage: Stage) -> None:
    readings = frames((number, KEY, _reading(sequence=number)) for number in range(3))
    foreign = frames((delta, KEY, _reading(sequence=7)) for delta in (0, 1, 100_000))
    worker = stage.start().wait_ready()
    stage.send_built(
        framed(gzip_encode(readings[:400]) + gzip_encode(readings[400:]), 3, codec=1), records=3, partition=HOME
    )
    # A checksum of the content that the broker does not look at, after a frame that it reads.
    stage.send_built(framed(lz4_of_false_content(readings), 3, codec=3), records=3, partition=HOME)
    stage.send_built(framed(foreign, 3), records=3, partition=HOME)
    stage.send_raw([(KEY, _reading(sequence=9), None)])
    stage.wait_committed()
    eventually(lambda: worker.figure("readings_rejected_total") == 2)
    worker.stop()
    rejected = [from_headers(record.headers) for record in stage.records(stage.rejected)]
    stories = sorted(rejected, key=lambda story: story.source_offset)  # without a key they lie in any partition
    assert [(story.reason, story.source_offset) for story in stories] == [("not_json", 3), ("not_json", 6)]
    assert ["offsets 3 to 5" in stories[0].detail, "offsets 6 to 8" in stories[1].detail] == [True, True]
    state = stage.written()[HOME][0][vin(1)]
    assert (state.newest.sequence, state.offset) == (9, 9)
