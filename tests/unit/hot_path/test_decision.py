from __future__ import annotations

from dataclasses import dataclass, field

from driving import VIN, Drive, a_reading

from contracts.codec import encode
from contracts.rejection import KEPT_BYTES, from_headers
from hot_path.decision import Decision, decide
from hot_path.rejecting import KEPT_HEADER_BYTES, MOST_ALONE
from rules.partition import PartitionFold
from runtime.kafka.chunk import Chunk, Record, RecordBatch


@dataclass
class Sent:
    """A record as the parser gives it."""

    offset: int
    value: bytes | None
    key: bytes | None = VIN.encode()
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def _chunk(fold: PartitionFold, *batches: tuple[int, list[Sent]]) -> Chunk:
    made = [RecordBatch(received_at_ms, list[Record](records)) for received_at_ms, records in batches]
    offsets = [record.offset for batch in made for record in batch.records]
    return Chunk("readings", fold.partition, offsets[0], offsets[-1], 0, 1, made)


def _hot(second: int) -> Sent:
    return Sent(second, encode(a_reading(second, coolant_c=115.0)))


def test_good_readings_are_folded_and_rejected_ones_described() -> None:
    fold = Drive().fold
    at_ms = a_reading(10).recorded_at_ms
    effects = decide(fold, _chunk(fold, (at_ms, [_hot(0), Sent(1, b"no json"), _hot(6)])), partitions=12)
    assert effects.folded == 2
    assert [(alert.state, alert.offset) for alert in effects.alerts] == [("raised", 6)]
    (rejected,) = effects.rejected
    story = from_headers(rejected.headers)
    assert (story.reason, story.source_topic, story.source_offset) == ("not_json", "readings", 1)


def test_a_tombstone_is_rejected_as_an_empty_value() -> None:
    fold = Drive().fold
    effects = decide(fold, _chunk(fold, (a_reading(0).recorded_at_ms, [Sent(0, None)])), partitions=12)
    assert (effects.rejected[0].value, effects.rejected[0].reason) == (b"", "not_json")


def test_of_a_large_record_the_beginning_is_kept() -> None:
    fold = Drive().fold
    large = b"x" * (KEPT_BYTES + 1)
    effects = decide(fold, _chunk(fold, (a_reading(0).recorded_at_ms, [Sent(0, large, key=large)])), partitions=12)
    (rejected,) = effects.rejected
    assert (rejected.value, rejected.key) == (large[:-1], large[:-1])
    assert from_headers(rejected.headers).length == len(large)


def test_a_rejected_records_own_headers_come_first_and_only_when_small() -> None:
    fold = Drive().fold
    own = Sent(0, b"", headers=[("reason", b"forged"), ("trace", None)])
    heavy = Sent(1, b"", headers=[("trace", b"x" * KEPT_HEADER_BYTES)])
    effects = decide(fold, _chunk(fold, (a_reading(0).recorded_at_ms, [own, heavy])), partitions=12)
    first, second = effects.rejected
    assert first.headers[:2] == [("reason", b"forged"), ("trace", b"")]
    assert from_headers(first.headers).reason == "not_json"
    assert "trace" not in dict(second.headers)


def test_alerts_between_very_many_rejected_records_are_those_without_them() -> None:
    at_ms = a_reading(100).recorded_at_ms
    good = [Sent(1_000 * second, encode(a_reading(second, coolant_c=115.0))) for second in range(0, 60, 6)]
    rubbish = [Sent(offset, b"") for offset in range(1, 60_000) if offset % 1_000]
    fold, undisturbed = Drive().fold, Drive().fold
    both = sorted([*good, *rubbish], key=lambda sent: sent.offset)
    effects = decide(fold, _chunk(fold, (at_ms, both)), partitions=12)
    alone = decide(undisturbed, _chunk(undisturbed, (at_ms, good)), partitions=12)
    assert (effects.alerts, effects.folded) == (alone.alerts, alone.folded)
    assert effects.alerts
    assert fold.states == undisturbed.states
    assert len(effects.rejected) == MOST_ALONE + 1
    assert sum(rejected.records for rejected in effects.rejected) == len(rubbish)


def test_a_rejected_record_cannot_say_of_itself_that_it_stands_for_many() -> None:
    fold = Drive().fold
    own: list[tuple[str, bytes | None]] = [("records", b"9000"), ("source_last_offset", b"1"), ("trace", b"x")]
    chunk = _chunk(fold, (a_reading(0).recorded_at_ms, [Sent(0, b"", headers=own)]))
    (rejected,) = decide(fold, chunk, partitions=12).rejected
    assert from_headers(rejected.headers).number == rejected.records == 1
    assert rejected.headers[0] == ("trace", b"x")


def test_silence_is_raised_by_a_later_record_even_a_rejected_one() -> None:
    fold = Drive().fold
    start_ms = a_reading(0).recorded_at_ms
    decide(fold, _chunk(fold, (start_ms, [Sent(0, encode(a_reading(0)))])), partitions=12)
    effects = decide(fold, _chunk(fold, (start_ms + 3_600_000, [Sent(1, b"{")])), partitions=12)
    assert [alert.rule for alert in effects.overdue] == [fold.rules.silence.name if fold.rules.silence else ""]


def test_a_chunk_is_folded_in_steps_and_at_each_everything_before_the_next_offset_is_folded_and_no_more() -> None:
    records = [_hot(0), Sent(1, b"no json"), _hot(6), _hot(7), Sent(8, b"{"), _hot(9)]
    at_ms = a_reading(10).recorded_at_ms
    whole = Drive().fold
    told = decide(whole, _chunk(whole, (at_ms, records)), partitions=12)
    fold = Drive().fold
    decision = Decision(fold, _chunk(fold, (at_ms, records)), partitions=12)
    parts = []
    for _ in decision.steps:
        parts.append(decision.taken())
        assert [state.offset < decision.next_offset for state in fold.states.values()] == [True]
        assert sum(part.folded for part in parts) == sum(
            record.value is not None and len(record.value) > 9
            for record in records
            if record.offset < decision.next_offset
        )
    parts.append(decision.taken())
    assert decision.next_offset == 10
    assert [alert for part in parts for alert in part.alerts] == told.alerts
    assert [rejected.headers for part in parts for rejected in part.rejected] == [r.headers for r in told.rejected]
    assert fold.states == whole.states
