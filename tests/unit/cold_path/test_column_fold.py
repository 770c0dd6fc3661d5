from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa
import pytest
from demanding import (
    PARTITION,
    demanding_stream,
    many_cars_that_come_and_go,
    many_cars_with_codes,
    strangers,
)
from disturbed import Record, disturbed_stream, fleet
from driving import RULES, START_MS, a_reading

from cold_path.history.column_fold import ColumnFold
from cold_path.history.healthy import healthy_rows
from cold_path.history.rows import Rows
from cold_path.lake.judgement import judged
from cold_path.lake.sequences import Seen
from contracts.alert import Alert
from contracts.codec import encode
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.reading import Reading
from rules import Rules, limits
from rules.healthy import healthy_filter
from rules.limits import HOUR_MS
from rules.partition import PartitionFold

FLEET = fleet(12)


@dataclass
class Told:
    """What a fold told of a stream: alerts, states as JSON, and the mark, of every partition."""

    alerts: list[Alert]
    states: dict[str, bytes]
    marks: dict[int, bytes]


def rows_of(records: list[Record]) -> pa.RecordBatch:
    columns = {
        "partition": pa.array([record.partition for record in records], pa.int32()),
        "offset": pa.array([record.offset for record in records], pa.int64()),
        "received_at_ms": pa.array([record.received_at_ms for record in records], pa.int64()),
        "value": pa.array([record.value for record in records], pa.binary()),
    }
    [rows] = judged([pa.RecordBatch.from_pydict(columns)], Seen({}, lambda _vehicle, _trip: []))
    return rows


def one_by_one(records: list[Record], rules: Rules = RULES) -> Told:
    told = Told([], {}, {})
    for partition, of_partition in by_partition(records).items():
        fold = PartitionFold(partition, rules, registry=FLEET)
        for record in of_partition:
            told.alerts += fold.advance(record.received_at_ms)
            try:
                reading, _ = believe(record.value, partition, record.received_at_ms)
            except MalformedReading:
                continue
            told.alerts += fold.fold(reading, record.offset, record.received_at_ms)
        take_over(fold, told)
    return told


def by_columns(records: list[Record], cuts: random.Random, rules: Rules = RULES) -> Told:
    told = Told([], {}, {})
    for partition, of_partition in by_partition(records).items():
        fold = ColumnFold(partition, rules, registry=FLEET)
        rows, start = rows_of(of_partition), 0
        while start < len(of_partition):
            count = cuts.choice([1, 7, 100, 1_000, 10_000])
            told.alerts += fold.fold_rows(Rows(rows.slice(start, count)))
            start += count
        take_over(fold, told)
    return told


def by_partition(records: list[Record]) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(record.partition, []).append(record)
    return found


def take_over(fold: PartitionFold, told: Told) -> None:
    told.states |= {vehicle_id: encode(state) for vehicle_id, state in fold.states.items()}
    told.marks[fold.partition] = fold.mark(0)[1]


def in_any_order(alerts: list[Alert]) -> list[bytes]:
    return sorted(map(encode, alerts))


def calmed(records: list[Record]) -> list[Record]:
    """Give the readings as they would arrive at once: most of them go on in whole runs."""
    good = []
    for record in records:
        with suppress(MalformedReading):
            reading, _ = believe(record.value, record.partition, record.received_at_ms)
            good.append(replace(record, received_at_ms=reading.recorded_at_ms))
    good.sort(key=lambda record: record.received_at_ms)
    offsets: Counter[int] = Counter()
    calm = []
    for record in good:
        calm.append(replace(record, offset=offsets[record.partition]))
        offsets[record.partition] += 1
    return calm


def test_columns_leave_the_same_where_readings_come_in_order() -> None:
    records = calmed(disturbed_stream(40))
    slow, fast = one_by_one(records), by_columns(records, random.Random(1))
    assert in_any_order(fast.alerts) == in_any_order(slow.alerts)
    assert (fast.states, fast.marks) == (slow.states, slow.marks)


@pytest.mark.parametrize("seed", range(41, 49))
def test_columns_leave_the_states_and_alerts_of_a_fold_of_one_reading_after_the_other(seed: int) -> None:
    records = disturbed_stream(seed)
    slow, fast = one_by_one(records), by_columns(records, random.Random(seed))
    assert len(slow.alerts) > 10
    assert in_any_order(fast.alerts) == in_any_order(slow.alerts)
    assert fast.states == slow.states
    assert fast.marks == slow.marks


@pytest.mark.parametrize("seed", range(61, 67))
def test_columns_set_the_same_cars_apart_and_watch_the_same_new_ones(seed: int) -> None:
    few = replace(RULES, new_vehicles_an_hour=seed % 3 * 10 + 3)
    records = demanding_stream(seed)
    slow, fast = one_by_one(records, few), by_columns(records, random.Random(seed), few)
    assert in_any_order(fast.alerts) == in_any_order(slow.alerts)
    assert fast.states == slow.states
    assert fast.marks == slow.marks


@pytest.mark.parametrize("seed", [91, 92])
def test_columns_make_the_same_codes_wait(seed: int) -> None:
    records = many_cars_with_codes(seed)
    slow, fast = one_by_one(records), by_columns(records, random.Random(seed))
    assert in_any_order(fast.alerts) == in_any_order(slow.alerts)
    assert (fast.states, fast.marks) == (slow.states, slow.marks)


@pytest.mark.parametrize("seed", [93, 94, 95])
def test_columns_set_the_same_cars_apart_where_many_have_taken_more_than_the_partitions_share(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SHARED_WORK_US", 100_000)
    monkeypatch.setattr(limits, "SMALL_WORK_US", 10_000)
    records = many_cars_that_come_and_go(seed)
    slow, fast = one_by_one(records), by_columns(records, random.Random(seed))
    assert in_any_order(fast.alerts) == in_any_order(slow.alerts)
    assert (fast.states, fast.marks) == (slow.states, slow.marks)
    assert limits.SET_APART.name in str(slow.alerts)


def test_columns_watch_the_new_cars_that_came_first_whatever_their_names_are() -> None:
    vins = random.Random(1).sample(strangers(20), 20)
    hours = [START_MS + hour * HOUR_MS for hour in (30, 30, 31, 32)]
    arrived = [(vin, second, at_ms) for second, at_ms in enumerate(hours) for vin in vins]
    records = [
        Record(PARTITION, offset, at_ms, encode(a_reading_of(vin, second)))
        for offset, (vin, second, at_ms) in enumerate(arrived)
    ]
    few = replace(RULES, new_vehicles_an_hour=4)
    slow, fast = one_by_one(records, few), by_columns(records, random.Random(1), few)
    assert {vin for vin, state in fast.states.items() if b"refused_hour" not in state} == set(vins[:12])
    assert (fast.states, fast.marks) == (slow.states, slow.marks)


def a_reading_of(vin: str, second: int) -> Reading:
    reading = a_reading(second)
    reading.vehicle_id = vin
    return reading


def test_columns_call_no_reading_healthy_that_meets_a_rule() -> None:
    records = disturbed_stream(50)
    is_healthy = healthy_filter(RULES)
    found = healthy_rows(Rows(rows_of(records)), RULES, FLEET)
    unusual = 0
    for record, is_calm in zip(records, found.tolist(), strict=True):
        try:
            reading, _ = believe(record.value, record.partition, record.received_at_ms)
        except MalformedReading:
            continue
        unusual += not is_healthy(reading, FLEET)
        assert not is_calm or is_healthy(reading, FLEET)
    assert 0 < unusual < len(records)
    assert found.any()
