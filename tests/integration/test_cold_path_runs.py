from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from cold_path_stage import CAR, PARTITION, Stage, a_reading
from pyspark.sql import SparkSession
from spark_session import the_session

from cold_path.lake.erasure import erase_from_lake
from cold_path.lake.ingest import ingest
from cold_path.lake.table import Lake
from cold_path.source import broker
from cold_path.source.offsets import plan
from contracts.errors import InvalidInput, Unavailable
from contracts.vehicle import Vehicle
from contracts.views import current_version, read_manifest, version_folder
from stack.broker import Broker

OTHER = "WVWZZZ1JZXW000001"


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return the_session()


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Stage:
    return Stage(broker.bootstrap, tmp_path).set_up()


def view(stage: Stage, name: str, version: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(version_folder(stage.folder / "views", version) / name).to_pylist()
    return rows


def test_readings_become_a_version_and_the_group_shows_how_far(stage: Stage, spark: SparkSession) -> None:
    stage.register(Vehicle(CAR, "Honda", "Accord", 2003, "north"))
    stage.send(a_reading(0), a_reading(100), b"{broken", a_reading(50), a_reading(100))
    done = stage.run(spark).once()
    assert (done.ingested, done.rejected, done.repeated, done.version) == (5, 1, 1, 1)
    [trip] = view(stage, "trips", 1)
    assert (trip["distance_m"], trip["fuel_ml"], trip["readings"], trip["partition"]) == (2_000, 200, 3, PARTITION)
    ranked = {(row["scope"], row["key"]) for row in view(stage, "fuel_efficiency", 1)}
    assert ranked == {("vehicle", CAR), ("model", "Honda Accord 2003"), ("fleet", "north")}
    manifest = read_manifest(stage.folder / "views", 1)
    assert manifest.covered_offsets == {str(number): 5 if number == PARTITION else 0 for number in range(12)}
    assert (manifest.registry_offset, manifest.row_counts["trips"]) == (1, 1)
    assert asyncio.run(committed(stage)) == 5


def test_nothing_new_publishes_nothing_and_a_late_reading_counts_once(stage: Stage, spark: SparkSession) -> None:
    empty = stage.run(spark)
    assert empty.once().version is None
    stage.send(*(a_reading(number) for number in (0, 1, 2, 5)))
    assert empty.once().version == 1
    assert empty.once().version is None
    # Late, repeated from the lake, repeated within the batch, new; seen by a program started anew.
    stage.send(*(a_reading(number) for number in (3, 5, 3, 60)))
    again = stage.run(spark).once()
    assert (again.ingested, again.repeated, again.version) == (4, 2, 2)
    assert [row["repeated"] for row in stage.lake_rows()] == [False] * 5 + [True, True, False]
    [trip] = view(stage, "trips", 2)
    assert (trip["readings"], trip["distance_m"]) == (6, 1_200)


def test_a_lake_with_rejected_records_takes_late_readings_and_erases_one_vehicle_only(
    stage: Stage, spark: SparkSession
) -> None:
    stage.send(*(a_reading(number) for number in (0, 1, 2, 5)), b"{broken", b"{worse")
    stage.send(a_reading(0, car=OTHER), key=OTHER)
    assert stage.run(spark).once().rejected == 2
    stage.send(a_reading(3), a_reading(5))
    again = stage.run(spark).once()
    assert (again.ingested, again.repeated) == (2, 1)
    lake = Lake(stage.folder / "lake")
    lake.refresh()
    assert erase_from_lake(lake, CAR) == 6
    left = [(row["vehicle_id"], row["rejected_reason"]) for row in stage.lake_rows()]
    assert sorted(left, key=str) == [(OTHER, None), (None, "not_json"), (None, "not_json")]


def test_partitions_without_records_or_with_rejected_ones_only_are_ordinary_in_every_run(
    stage: Stage, spark: SparkSession
) -> None:
    run = stage.run(spark)
    stage.send(b"{broken")
    first = run.once()
    assert (first.rejected, first.version, first.row_counts["trips"]) == (1, 1, 0)
    stage.send(b"{broken", key=OTHER)
    assert run.once().version == 2
    # The same in a partition that no run has seen, by a program started anew, and the first good ones.
    stage.send(a_reading(0), b"{broken")
    stage.send(a_reading(0, car=OTHER), key=OTHER)
    third = stage.run(spark).once()
    assert (third.version, third.rejected, third.row_counts["trips"]) == (3, 1, 2)
    assert third.days_computed == 1


def test_holes_in_the_offsets_are_no_missing_records(stage: Stage, spark: SparkSession) -> None:
    for number in range(3):
        records = [(CAR, a_reading(number))]
        asyncio.run(stage.send_all(records, transaction=f"transaction-{stage.name}"))
    stage.run(spark).once()
    offsets = [(row["partition"], row["offset"]) for row in stage.lake_rows()]
    assert offsets == stage.in_kafka() == [(PARTITION, 0), (PARTITION, 2), (PARTITION, 4)]
    assert read_manifest(stage.folder / "views", 1).covered_offsets[str(PARTITION)] == 6


def test_expired_readings_stop_the_run_until_their_loss_is_accepted(stage: Stage, spark: SparkSession) -> None:
    stage.send(*(a_reading(number) for number in range(3)))
    stage.run(spark).once()
    stage.send(*(a_reading(number) for number in range(3, 9)))
    asyncio.run(stage.expire(PARTITION, 5))
    with pytest.raises(InvalidInput, match=f"partition {PARTITION}: 3 to 4"):
        stage.run(spark).once()
    assert current_version(stage.folder / "views") == 1
    assert stage.run(spark, accept_loss=True).once().ingested == 4
    lake = Lake(stage.folder / "lake")
    lake.refresh()
    assert lake.entry is not None
    assert lake.entry.lost == {str(PARTITION): (3, 5)}


def test_killed_between_lake_and_publication_the_rerun_publishes_without_ingesting_again(
    stage: Stage, spark: SparkSession
) -> None:
    stage.send(a_reading(0), a_reading(30))
    ingest_only(stage, spark, Lake(stage.folder / "lake"))
    done = stage.run(spark).once()
    assert (done.ingested, done.version) == (0, 1)
    assert len(stage.lake_rows()) == 2


def test_a_driver_thought_dead_cannot_add_its_commit(stage: Stage, spark: SparkSession) -> None:
    stage.send(a_reading(0), a_reading(1))
    zombie = Lake(stage.folder / "lake")
    zombie.refresh()
    ingest_only(stage, spark, Lake(stage.folder / "lake"))
    ingest_only(stage, spark, zombie, refresh=False)
    assert [row["offset"] for row in stage.lake_rows()] == [0, 1]


def test_no_broker_is_one_sentence_after_a_bounded_wait() -> None:
    with pytest.raises(Unavailable, match=r"127.0.0.1:1 within 0.5 s; start one with `stack broker`"):
        asyncio.run(broker.bounds("127.0.0.1:1", "vehicle-readings", wait_s=0.5))


def test_a_missing_topic_is_named_with_the_remedy(stage: Stage) -> None:
    with pytest.raises(InvalidInput, match=r"no topic nowhere.*stack topics"):
        asyncio.run(broker.bounds(stage.bootstrap, "nowhere", wait_s=5))


def ingest_only(stage: Stage, spark: SparkSession, lake: Lake, *, refresh: bool = True) -> None:
    if refresh:
        lake.refresh()
    planned = plan(lake.covered, asyncio.run(broker.bounds(stage.bootstrap, stage.topic, wait_s=5)))
    ingest(spark, lake, planned, bootstrap=stage.bootstrap, topic=stage.topic)


async def committed(stage: Stage) -> int | None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stage.bootstrap, group_id=str(stage.flags["group"]), enable_auto_commit=False
    )
    await consumer.start()
    try:
        offset: int | None = await consumer.committed(TopicPartition(stage.topic, PARTITION))
        return offset
    finally:
        await consumer.stop()
