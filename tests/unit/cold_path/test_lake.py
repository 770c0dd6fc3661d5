from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from disturbed import START_MS, Record, disturbed_stream, fleet
from lakes import append
from serving import NOW_MS, OTHER_VIN, VIN, a_trip, publish

from cold_path.folders import made
from cold_path.lake.erasure import erase_from_lake
from cold_path.lake.known_trips import KnownTrips
from cold_path.lake.lookup import lake_rows
from cold_path.lake.status import lake_status
from cold_path.lake.table import Lake
from cold_path.lake.upkeep import Upkeep, keep_up, small_files
from cold_path.lake.writer import sole_writer
from cold_path.versions.erasure import erase_from_versions
from contracts.errors import InvalidInput, MalformedRecord, Unavailable
from contracts.views import read_manifest, version_folder

RECORDS = disturbed_stream(51, vehicles=4, trips=30, seconds=60)
FIRST_DAY = datetime.fromtimestamp(START_MS / 1000, UTC).date()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lake that six ingests have filled."""
    entry, size = None, len(RECORDS) // 6 + 1
    for start in range(0, len(RECORDS), size):
        entry = append(tmp_path / "lake", RECORDS[start : start + size], entry)
    return tmp_path / "lake"


def fresh(folder: Path) -> Lake:
    lake = Lake(folder)
    lake.refresh()
    return lake


def rows(folder: Path) -> list[tuple[int, int]]:
    table = DeltaTable(str(folder)).to_pyarrow_table(columns=["partition", "offset"]).to_pydict()
    return sorted(zip(table["partition"], table["offset"], strict=True))


def test_joining_small_files_keeps_rows_offsets_and_what_is_known(folder: Path) -> None:
    lake, before = fresh(folder), rows(folder)
    covered, outcomes = lake.covered, dict(lake.survey.outcomes)
    crowded = max(small_files(lake).values())
    done = keep_up(lake, most_small_files=1, keep_days=0)
    assert crowded > 1
    assert (done.joined_files > done.into_files, done.forgotten_days) == (True, 0)
    assert max(small_files(lake).values()) == 1
    assert rows(folder) == before
    for look in (lake, fresh(folder)):
        look.refresh()
        assert (look.covered, dict(look.survey.outcomes)) == (covered, outcomes)
    assert keep_up(lake, most_small_files=1, keep_days=0) == Upkeep()


def test_a_joined_file_has_row_groups_that_a_reader_can_hold(folder: Path) -> None:
    lake = fresh(folder)
    keep_up(lake, most_small_files=1, keep_days=0, rows_a_group=100)
    files = [pq.ParquetFile(path).metadata for path in DeltaTable(str(folder)).file_uris()]
    groups = [metadata.row_group(at) for metadata in files for at in range(metadata.num_row_groups)]
    assert max(group.num_rows for group in groups) == 100
    assert {group.column(0).compression for group in groups} == {"ZSTD"}


def test_old_days_are_forgotten_and_their_offsets_stay_covered(folder: Path) -> None:
    lake = fresh(folder)
    covered = lake.covered
    assert lake.state is not None
    assert lake.state.days > {FIRST_DAY}
    assert keep_up(lake, most_small_files=0, keep_days=1).forgotten_days >= 1
    assert lake.state is not None
    assert FIRST_DAY not in lake.state.days
    assert fresh(folder).covered == covered


def test_an_ingest_after_upkeep_goes_on_in_the_ledger(folder: Path) -> None:
    lake = fresh(folder)
    keep_up(lake, most_small_files=1, keep_days=0)
    last = max(record.offset for record in RECORDS if record.partition == RECORDS[0].partition)
    assert lake.entry is not None
    more = Record(RECORDS[0].partition, last + 1, RECORDS[-1].received_at_ms, b"no json")
    append(folder, [more], lake.entry)
    assert lake.refresh().rows == 1
    assert lake.covered[more.partition] == last + 2


def test_the_days_of_later_readings_are_found_whatever_files_they_lie_in(folder: Path) -> None:
    lake = fresh(folder)
    assert lake.later_days(lake.covered, since_version=0) == frozenset()
    assert lake.state is not None
    everything = lake.later_days({}, since_version=99)
    assert everything <= lake.state.days
    assert date(1970, 1, 1) not in everything
    partition, offset = next((r.partition, r.offset) for r in reversed(RECORDS) if len(r.value) > 100)
    assert len(lake.later_days(lake.covered | {partition: offset}, since_version=0)) == 1


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    file = next(folder.rglob("*.parquet"))
    file.write_bytes(b"PAR1 but no more")
    with pytest.raises(MalformedRecord, match=rf"{file.name} of the lake cannot be read"):
        fresh(folder)


def test_the_status_tells_rows_offsets_and_days(folder: Path) -> None:
    status = lake_status(folder)
    told = json.loads(status.as_json())
    assert told["rows"] == status.rows == len(RECORDS) == sum(status.rows_by_day.values())
    assert told["outcomes"]["not_json"] > 0
    assert sum(told["covered"].values()) == len(RECORDS)
    facts, days = status.tables()
    assert (facts.row_count > 10, days.row_count) == (True, len(status.rows_by_day))


def test_no_lake_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no lake"):
        lake_status(tmp_path / "nothing")


def test_two_cannot_write_one_lake(tmp_path: Path) -> None:
    with sole_writer(made(tmp_path / "lake", flag="--lake")), pytest.raises(Unavailable, match="writes the lake"):  # noqa: SIM117
        with sole_writer(tmp_path / "lake"):
            pass


def test_an_erased_vehicle_stands_in_no_file_and_everything_else_stays(folder: Path) -> None:
    vehicle_id = min(fleet(4))
    lake, before = fresh(folder), rows(folder)
    covered = lake.covered
    naming = [(record.partition, record.offset) for record in RECORDS if vehicle_id.encode() in record.value]
    assert erase_from_lake(lake, vehicle_id) == len(naming) > 0
    assert rows(folder) == sorted(set(before) - set(naming))
    assert fresh(folder).covered == covered
    assert [file for file in folder.rglob("*.parquet") if vehicle_id.encode() in file.read_bytes()] == []
    assert erase_from_lake(fresh(folder), vehicle_id) == 0


def test_rows_are_found_by_columns_of_which_the_table_keeps_no_statistics(folder: Path) -> None:
    dataset = lake_rows(DeltaTable(str(folder)))
    everything = dataset.to_table(columns=["vehicle_id", "rejected_reason"]).to_pylist()
    for vehicle_id in {row["vehicle_id"] for row in everything} - {None}:
        found = dataset.count_rows(filter=pads.field("vehicle_id") == vehicle_id)
        assert found == sum(row["vehicle_id"] == vehicle_id for row in everything) > 0
    rejected = sum(row["rejected_reason"] is not None for row in everything)
    assert dataset.count_rows(filter=pads.field("rejected_reason").is_valid()) == rejected > 0
    assert dataset.count_rows(filter=pads.field("vehicle_id").is_valid()) == len(everything) - rejected


def test_who_reads_the_table_without_us_finds_the_same_rows(folder: Path) -> None:
    table = DeltaTable(str(folder))
    filters = (pads.field("vehicle_id").is_valid(), pads.field("rejected_reason").is_null(), pads.field("offset") < 20)
    for one in filters:
        assert table.to_pyarrow_dataset().count_rows(filter=one) == lake_rows(table).count_rows(filter=one) > 0


def test_trips_are_known_beside_rejected_records(folder: Path) -> None:
    known = KnownTrips(str(folder), DeltaTable(str(folder)).version())
    rows = lake_rows(DeltaTable(str(folder))).to_table(columns=["vehicle_id", "trip_started_at_ms", "sequence"])
    trips: dict[tuple[str, int], set[int]] = {}
    for row in rows.drop_null().to_pylist():
        trips.setdefault((row["vehicle_id"], row["trip_started_at_ms"]), set()).add(row["sequence"])
    assert trips
    for (vehicle_id, started_at_ms), sequences in trips.items():
        spans = known.spans(vehicle_id, started_at_ms)
        pairs = zip(spans[::2], spans[1::2], strict=True)
        within = {number for first, last in pairs for number in range(first, last + 1)}
        assert within == sequences


def test_an_erased_vehicle_leaves_every_published_version(tmp_path: Path) -> None:
    trips = {(vin, NOW_MS): a_trip(9_000, 800) for vin in (VIN, OTHER_VIN)}
    for version in (1, 2):
        publish(tmp_path, version, trips, covered={0: 5})
    assert erase_from_versions(tmp_path, VIN) == 2 * (1 + 1 + 5)  # a trip, a day, five periods
    assert erase_from_versions(tmp_path, VIN) == 0
    for version in (1, 2):
        manifest, left = read_manifest(tmp_path, version), pads.dataset(version_folder(tmp_path, version) / "trips")
        assert left.to_table().column("vehicle_id").to_pylist() == [OTHER_VIN]
        assert manifest.row_counts["trips"] == 1
