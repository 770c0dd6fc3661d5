from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from disturbed import Record, disturbed_stream
from hypothesis import given
from hypothesis import strategies as st
from lakes import append

from cold_path.verification.comparison import compared
from cold_path.verification.report import Report
from cold_path.verification.totals import Recomputation, Totals
from cold_path.verification.uncommitted import CommittedOffsets, OffsetSpan, Uncommitted, uncommitted_rows
from observability.terminal import Console

RECORDS = disturbed_stream(71, vehicles=6, trips=2, seconds=40)
ENDS = {record.partition: record.offset + 1 for record in RECORDS}
ABORTED = [record for record in RECORDS if record.offset % 7 == 3]


def committed_of(records: list[Record]) -> CommittedOffsets:
    committed = CommittedOffsets()
    for record in records:
        committed.add(record.partition, record.offset)
    return committed


def looked(folder: Path, *, topic: str = "readings", reached: dict[int, int] = ENDS) -> Uncommitted | None:
    committed = committed_of([record for record in RECORDS if record not in ABORTED])
    return uncommitted_rows(folder, committed, topic=topic, covered=ENDS, reached=reached)


def trips_of(records: list[Record]) -> set[tuple[str, int]]:
    fold = Recomputation()
    for record in records:
        fold.add(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
    return set(fold.trips)


def test_rows_without_a_committed_record_are_counted_by_partition_and_their_trips_named(tmp_path: Path) -> None:
    append(tmp_path, RECORDS, None)
    found = looked(tmp_path)
    assert found is not None
    assert found.records == len(ABORTED)
    assert found.trips == trips_of(ABORTED)
    for partition, span in found.spans.items():
        of_partition = [record.offset for record in ABORTED if record.partition == partition]
        assert span == OffsetSpan(len(of_partition), of_partition[0], of_partition[-1])


def test_what_the_store_has_not_reached_is_not_judged(tmp_path: Path) -> None:
    append(tmp_path, RECORDS, None)
    found = looked(tmp_path, reached=dict.fromkeys(ENDS, 3))
    assert found == Uncommitted()


def test_a_lake_that_is_not_there_or_another_one_is_not_judged(tmp_path: Path) -> None:
    assert looked(tmp_path / "nothing") is None
    append(tmp_path / "lake", RECORDS, None)
    assert looked(tmp_path / "lake", topic="other") is None
    append(tmp_path / "behind", RECORDS[: len(RECORDS) // 2], None)
    assert looked(tmp_path / "behind") is None


@given(st.sets(st.integers(0, 40)), st.lists(st.integers(0, 60)))
def test_an_offset_lacks_a_record_where_none_was_added(added: set[int], asked: list[int]) -> None:
    committed = CommittedOffsets()
    for offset in sorted(added):
        committed.add(5, offset)
    assert committed.lacks(5, np.array(asked, np.int64)).tolist() == [offset not in added for offset in asked]


def test_the_report_says_which_rows_and_how_many_differences_they_explain() -> None:
    ours, other = ("1HGCM82633A004352", 1), ("1HGCM82633A004353", 1)
    comparison = compared({ours: Totals(5, 0, 0), other: Totals(1, 0, 0)}, {ours: Totals(6, 0, 0)})
    found = Uncommitted({4: OffsetSpan(3, 17, 1_029)}, {ours})
    report = Report(
        comparison,
        {4: 2_000},
        records=9,
        rejected=0,
        version=1,
        files_equal=True,
        uncommitted=found,
        alerts_held={7: 8},
    )
    told = json.loads(report.as_json())
    assert (told["lake_records_uncommitted"], told["trips_differing_by_uncommitted"]) == (3, 1)
    assert (told["equal"], told["alert_partitions_held"]) == (False, {"7": 8})
    console = Console(width=140)
    with console.capture() as capture:
        console.print(*report.tables())
    for words in ("1 of 2", "never committed", "1,029", "partition 7", "held from 8"):
        assert words in capture.get()


def test_without_a_lake_the_report_says_that_nobody_looked() -> None:
    same = compared({}, {})
    report = Report(same, {}, records=0, rejected=0, version=None, files_equal=None)
    told = json.loads(report.as_json())
    assert report.is_equal
    assert (told["lake_records_uncommitted"], told["trips_differing_by_uncommitted"]) == (None, None)
