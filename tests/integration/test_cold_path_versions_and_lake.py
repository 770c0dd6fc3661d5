from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from cold_path_stage import CAR, PARTITION, Stage, a_reading
from deltalake import CommitProperties, DeltaTable, write_deltalake
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from spark_session import the_session

from cold_path.backtest.backtest import between
from cold_path.history.scan import Wanted, local_paths, rows_in_order
from cold_path.lake.judgement import LAKE_SCHEMA
from cold_path.lake.rows import rows_of
from cold_path.lake.table import Lake
from cold_path.operation.resident import named
from cold_path.versions.catalogue import roll_back
from contracts.errors import MalformedRecord
from contracts.views import VIEW_COLUMNS, current_version, version_folder
from stack.broker import Broker

DAY_S = 86_400


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return the_session()


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Stage:
    return Stage(broker.bootstrap, tmp_path).set_up()


def rows(stage: Stage, version: int) -> dict[str, list[str]]:
    folder = version_folder(stage.folder / "views", version)
    found: dict[str, list[str]] = {}
    for view, columns in VIEW_COLUMNS.items():
        if (folder / view).is_dir():
            table = pads.dataset(folder / view, format="parquet").to_table(columns=list(columns))
            found[view] = sorted(map(str, table.to_pylist()))
    return found


def a_trip(numbers: range, *, trip_ago_s: int, **signals: Any) -> list[bytes]:
    return [a_reading(number, trip_ago_s=trip_ago_s, **signals) for number in numbers]


def test_a_run_computes_the_days_that_have_changed_and_publishes_what_a_full_one_does(
    stage: Stage, spark: SparkSession
) -> None:
    for days in (3, 2, 1):
        stage.send(*a_trip(range(60), trip_ago_s=days * DAY_S, coolant_c=118.0, battery_v=14.0))
    run = stage.run(spark)
    assert run.once().days_computed is None
    # Late readings of one day, by a program that goes on and by one started anew.
    stage.send(*a_trip(range(60, 90), trip_ago_s=2 * DAY_S, coolant_c=119.0, battery_v=14.0))
    assert run.once().days_computed == 1
    stage.send(*a_trip(range(90, 99), trip_ago_s=2 * DAY_S))
    again = stage.run(spark).once()
    assert (again.days_computed, again.version) == (1, 3)
    stage.send(b"{broken")
    assert stage.run(spark, full=True).once().days_computed is None
    assert rows(stage, 3) == rows(stage, 4)
    assert len(rows(stage, 4)["alert_history"]) > 0


def test_what_was_rolled_back_from_comes_again_with_new_readings_only(stage: Stage, spark: SparkSession) -> None:
    run = stage.run(spark)
    for number in (0, 100):
        stage.send(a_reading(number))
        run.once()
    roll_back(stage.folder / "views", None)
    assert run.once().version is None
    assert current_version(stage.folder / "views") == 1
    stage.send(a_reading(200))
    assert run.once().version == 3


def test_small_files_are_joined_and_old_days_forgotten_between_runs(stage: Stage, spark: SparkSession) -> None:
    run = stage.run(spark, compact_files=2)
    for number in range(4):
        stage.send(a_reading(number), a_reading(number, trip_ago_s=5 * DAY_S))
        run.once()
    held = stage.lake_rows()
    assert len(held) == 8
    assert len(DeltaTable(str(stage.folder / "lake")).file_uris()) < 8
    assert run.once().version is None
    forgetful = stage.run(spark, keep_days=3)
    forgetful.once()
    assert len(stage.lake_rows()) == 4
    stage.send(a_reading(9))
    after = forgetful.once()
    assert (after.ingested, after.row_counts["trips"], after.days_computed) == (1, 1, None)


def test_a_lake_from_before_a_field_was_known_stays_readable_and_takes_the_field_up(
    stage: Stage, spark: SparkSession
) -> None:
    stage.send(a_reading(0, misfires=3), a_reading(5, misfires=4))
    stage.run(spark).once()
    older_lake(stage, without="misfires")
    lake = Lake(stage.folder / "lake")
    lake.refresh()
    assert lake.state is not None
    assert [row.misfires for row in rows_of(spark, lake.folder, lake.state.version).collect()] == [None, None]
    stage.send(a_reading(7, misfires=5))
    assert stage.run(spark).once().row_counts["trips"] == 1
    assert [row["misfires"] for row in stage.lake_rows()] == [None, None, 5]


def older_lake(stage: Stage, *, without: str) -> None:
    """Write the lake anew as a program would have that did not know the field."""
    folder = stage.folder / "lake"
    held = DeltaTable(str(folder))
    entry = held.history(1)[0]["userMetadata"]
    rows = held.to_pyarrow_table().drop_columns([without])
    properties = CommitProperties(custom_metadata={"userMetadata": entry})
    folder.rename(stage.folder / "before")
    write_deltalake(str(folder), rows, partition_by=["day"], commit_properties=properties)
    assert len(rows.schema.names) == len(LAKE_SCHEMA) - 1
    assert isinstance(rows, pa.Table)


def test_a_corrupt_file_is_named_and_the_old_version_stays(stage: Stage, spark: SparkSession) -> None:
    stage.send(a_reading(0), a_reading(30))
    run = stage.run(spark)
    run.once()
    file = Path(DeltaTable(str(stage.folder / "lake")).file_uris()[0])
    file.write_bytes(b"PAR1" + file.read_bytes()[4:60] + b"PAR1")
    for sums in file.parent.glob(".*.crc"):
        sums.unlink()
    stage.send(a_reading(60))
    with pytest.raises((Py4JError, PySparkException)) as caught:
        run.once()
    told = named(caught.value)
    assert isinstance(told, MalformedRecord)
    assert file.name in str(told)
    assert current_version(stage.folder / "views") == 1
    with pytest.raises(MalformedRecord, match=file.name):
        stage.run(spark).once()


def test_a_backtest_takes_the_readings_received_in_its_time(stage: Stage, spark: SparkSession) -> None:
    stage.send(a_reading(0), a_reading(1))
    stage.run(spark).once()
    lake = rows_of(spark, stage.folder / "lake", 0)
    [first, second] = [row.received_at_ms for row in lake.orderBy("offset").collect()]
    assert second >= first
    files, after_it = local_paths(lake.inputFiles()), datetime.fromtimestamp((second + 1) / 1000, UTC)

    def taken(wanted: Wanted) -> int:
        return sum(len(rows) for rows in rows_in_order(files, PARTITION, ["offset"], wanted))

    assert taken(between(None, None)) == taken(between(None, after_it)) == 2
    assert taken(between(after_it, None)) == 0
    assert lake.where(f"partition = {PARTITION} and vehicle_id = '{CAR}'").count() == 2
