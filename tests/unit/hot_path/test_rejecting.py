from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

import pytest

from contracts.errors import MalformedReading
from contracts.reason import Reason
from contracts.record import Record as Written
from contracts.record_checks import rejection_in
from contracts.rejection import Rejection, from_headers
from contracts.topics import REJECTED_READINGS, VEHICLE_READINGS
from hot_path.decision import Effects
from hot_path.figures import count
from hot_path.rejecting import MOST_ALONE, RejectedRecord, Rejections
from observability import metrics
from runtime.kafka.chunk import Chunk, RecordBatch, RefusedBatch

AT_MS = 1_790_000_000_000


@dataclass
class Sent:
    """A record as the parser gives it."""

    offset: int
    value: bytes | None = b""
    key: bytes | None = b"key"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def _rejected(
    offsets: range, *, is_beginning: bool = True, reason: Reason = "not_json", refused: int | None = None
) -> list[RejectedRecord]:
    batch = RecordBatch(AT_MS, (), is_beginning)
    rejections = Rejections(Chunk(VEHICLE_READINGS.name, 3, 0, 0, 0, 1, [batch]), batch)
    for offset in offsets:
        rejections.add(Sent(offset), MalformedReading(reason, "the value is empty"))
    if refused is not None:
        problem = MalformedReading("too_large", "unpacks to more")
        rejections.add(RefusedBatch(refused, b"whole batch", problem), problem)
    return rejections.records()


def _stories(rejected: list[RejectedRecord]) -> list[Rejection]:
    return [from_headers(one.headers) for one in rejected]


def _stands_for(rejected: list[RejectedRecord]) -> list[tuple[int, int, int]]:
    return [(story.source_offset, story.last_offset, story.number) for story in _stories(rejected)]


@pytest.mark.parametrize("is_beginning", [True, False])
@pytest.mark.parametrize("number", [0, 1, MOST_ALONE])
def test_up_to_a_hundred_are_written_each_by_itself(number: int, *, is_beginning: bool) -> None:
    rejected = _rejected(range(5, 5 + number), is_beginning=is_beginning)
    assert _stands_for(rejected) == [(offset, offset, 1) for offset in range(5, 5 + number)]
    assert {one.key for one in rejected} <= {b"key"}
    assert not any("records" in dict(one.headers) for one in rejected)


def test_of_more_the_first_hundred_are_written_and_one_record_for_the_rest() -> None:
    rejected = _rejected(range(5, 2_005))
    *alone, together = _stands_for(rejected)
    assert alone == [(offset, offset, 1) for offset in range(5, 105)]
    assert together == (105, 2_004, 1_900)
    assert (rejected[-1].key, rejected[-1].value, rejected[-1].records) == (None, b"", 1_900)


def test_a_later_part_of_a_batch_with_more_is_one_record() -> None:
    assert _stands_for(_rejected(range(2_000, 4_000), is_beginning=False)) == [(2_000, 3_999, 2_000)]


def test_the_most_frequent_reason_is_told_and_the_number_of_each() -> None:
    batch = RecordBatch(AT_MS, ())
    rejections = Rejections(Chunk(VEHICLE_READINGS.name, 3, 0, 0, 0, 1, [batch]), batch)
    reasons: tuple[tuple[Reason, int], ...] = (("not_json", 100), ("bad_vin", 2), ("wrong_type", 3))
    found = chain.from_iterable([reason] * number for reason, number in reasons)
    for offset, reason in enumerate(found):
        rejections.add(Sent(offset), MalformedReading(reason, ""))
    story = _stories(rejections.records())[-1]
    assert story.reason == "wrong_type"
    assert story.detail == "rejected records of one record batch, offsets 100 to 104: wrong_type 3, bad_vin 2"


@pytest.mark.parametrize("is_beginning", [True, False])
def test_a_batch_that_is_refused_from_some_record_on_keeps_its_bytes(*, is_beginning: bool) -> None:
    rejected = _rejected(range(300), is_beginning=is_beginning, refused=300)
    assert b"whole batch" in {one.value for one in rejected}
    assert sum(one.records for one in rejected) == 301
    assert _stands_for(rejected)[-1] == ((100, 299, 200) if is_beginning else (0, 299, 300))


def test_what_is_written_is_believed_by_those_who_read_it() -> None:
    ends = {3: 2_005}
    for one in _rejected(range(5, 2_005)):
        record = Written(REJECTED_READINGS.name, 0, 0, AT_MS, one.key, one.value, one.headers)
        assert rejection_in(record, ends).number == one.records


def test_the_same_records_are_rejected_in_the_same_words() -> None:
    assert _rejected(range(500)) == _rejected(range(500))


def test_the_metric_counts_every_record() -> None:
    counter = metrics.READINGS_REJECTED.labels("trip_times")
    before = counter._value.get()
    parts = (
        _rejected(range(2_000 * part, 2_000 * part + 2_000), is_beginning=part == 0, reason="trip_times")
        for part in range(3)
    )
    count(Effects(rejected=[*chain.from_iterable(parts)]))
    assert counter._value.get() == before + 6_000
