from __future__ import annotations

import json
from pathlib import Path

import pytest
from deltalake import DeltaTable
from disturbed import Record, disturbed_stream
from lakes import rows_of

from cold_path.lake import ledger
from cold_path.lake.commit import commit
from cold_path.lake.files import LOOKED_UP, written
from cold_path.lake.judgement import LAKE_SCHEMA
from cold_path.lake.ledger import Entry
from cold_path.lake.table import Lake

RECORDS = disturbed_stream(61, vehicles=4, trips=30, seconds=60)


def files_of(records: list[Record], folder: Path) -> list[dict[str, object]]:
    batches = [batch.slice(start, 500) for batch in rows_of(records) for start in range(0, batch.num_rows, 500)]
    made = written(batches, str(folder))
    return [row for batch in made for row in batch.to_pylist()]


def an_entry(number: int, records: list[Record]) -> Entry:
    ends = {record.partition: record.offset + 1 for record in records}
    return Entry(number=number, topic="readings", covered={str(at): end for at, end in ends.items()})


def rows(folder: Path) -> list[tuple[int, int]]:
    table = DeltaTable(str(folder)).to_pyarrow_table(columns=["partition", "offset"]).to_pydict()
    return sorted(zip(table["partition"], table["offset"], strict=True))


def test_files_are_seen_once_they_are_committed_with_every_row_and_its_day(tmp_path: Path) -> None:
    files = files_of(RECORDS, tmp_path)
    assert not DeltaTable.is_deltatable(str(tmp_path))
    commit(tmp_path, an_entry(1, RECORDS), files)
    assert rows(tmp_path) == sorted((record.partition, record.offset) for record in RECORDS)
    lake = Lake(tmp_path)
    lake.refresh()
    assert lake.entry == an_entry(1, RECORDS)
    assert lake.state is not None
    assert {str(day) for day in lake.state.days} == {file["day"] for file in files}
    held = DeltaTable(str(tmp_path)).to_pyarrow_table(columns=LAKE_SCHEMA.names)
    assert held.schema.names == LAKE_SCHEMA.names
    for day, started in zip(held["day"].to_pylist(), held["trip_started_at_ms"].to_pylist(), strict=True):
        assert started is None or (day.toordinal() - 719_163) == started // 86_400_000


def test_a_file_is_whole_that_ends_with_a_full_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cold_path.lake.files.ROWS_A_GROUP", 1)
    commit(tmp_path, an_entry(1, RECORDS), files_of(RECORDS, tmp_path))
    assert len(rows(tmp_path)) == len(RECORDS)


def test_the_table_knows_each_file_s_rows_and_bounds(tmp_path: Path) -> None:
    [stats, *_] = [json.loads(str(file["stats"])) for file in files_of(RECORDS, tmp_path)]
    assert stats["numRecords"] > 0
    assert stats["minValues"].keys() == stats["maxValues"].keys() == set(LOOKED_UP)
    assert stats["minValues"]["offset"] <= stats["maxValues"]["offset"]


def test_an_entry_is_committed_once_whoever_comes_late(tmp_path: Path) -> None:
    half = len(RECORDS) // 2
    commit(tmp_path, an_entry(1, RECORDS[:half]), files_of(RECORDS[:half], tmp_path))
    for _ in range(2):
        commit(tmp_path, an_entry(2, RECORDS), files_of(RECORDS[half:], tmp_path))
    assert rows(tmp_path) == sorted((record.partition, record.offset) for record in RECORDS)
    assert DeltaTable(str(tmp_path)).transaction_version(ledger.APPLICATION) == 2
