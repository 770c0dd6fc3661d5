"""Transactions on the topic of the readings: the cold path counts committed records, and says what is not decided."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cold_path_stage import CAR, PARTITION, Stage, Transaction, a_reading
from eventually import eventually
from pyspark.sql import SparkSession
from serving import NOW_MS
from spark_session import the_session

from api.projector.publication import Publication
from api.store.database import open_for_writing
from cold_path.lake import ingest
from cold_path.operation.summary import Summary
from cold_path.settings import Verify
from cold_path.source import broker
from cold_path.source.offsets import Bounds
from cold_path.source.planned_records import planned_records
from cold_path.verification.report import Report
from cold_path.verification.verify import verify
from contracts.errors import Unavailable
from contracts.partitioning import partition_of_key
from contracts.topics import READING_PARTITIONS
from contracts.views import read_manifest
from stack.broker import Broker

OTHER = "WVWZZZ1JZXW000001"
OTHER_PARTITION = partition_of_key(OTHER.encode(), READING_PARTITIONS)


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return the_session()


@pytest.fixture
def stage(patient_broker: Broker, tmp_path: Path) -> Stage:
    return Stage(patient_broker.bootstrap, tmp_path).set_up()


def offsets(stage: Stage) -> list[tuple[int, int]]:
    return [(row["partition"], row["offset"]) for row in stage.lake_rows()]


def bounds(stage: Stage) -> Bounds:
    return asyncio.run(broker.bounds(stage.bootstrap, stage.topic, wait_s=5))


def as_before(stage: Stage, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Summary:
    """Run as the program did that knew of no transactions."""

    async def all_written(bootstrap: str, topic: str, *, wait_s: float) -> Bounds:
        found = await asked(bootstrap, topic, wait_s=wait_s)
        return Bounds(found.beginnings, found.ends | found.held)

    asked = broker.bounds
    with monkeypatch.context() as patched:
        patched.setattr(ingest, "planned_records", partial(planned_records, isolation="read_uncommitted"))
        patched.setattr(broker, "bounds", all_written)
        return stage.run(spark).once()


def verified(stage: Stage, **more: Any) -> Report:
    """Load the current version into a store, and verify it."""
    store = f"sqlite:///{stage.folder}/serving.db"
    engine = open_for_writing(store)
    publication = Publication(engine, stage.folder / "views", lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    engine.dispose()
    flags = {name: stage.flags[name] for name in ("bootstrap", "readings_topic", "views", "lake")} | more
    return asyncio.run(verify(Verify(_cli_parse_args=False, store=store, alerts_topic=stage.topic, **flags, wait=5)))


def test_records_of_an_aborted_transaction_are_not_counted(stage: Stage, spark: SparkSession) -> None:
    stage.send(a_reading(0))
    with Transaction(stage) as aborted, Transaction(stage) as committed:
        aborted.send(a_reading(900))
        committed.send(a_reading(50))
        stage.send(a_reading(20))
        aborted.send(a_reading(901))
        committed.commit()
        aborted.abort()
    stage.send(a_reading(60))
    done = stage.run(spark).once()
    assert done.ingested == 4
    # Five, six and four stand for what was aborted and for the marks of both transactions.
    assert offsets(stage) == stage.in_kafka() == [(PARTITION, offset) for offset in (0, 2, 3, 7)]
    assert read_manifest(stage.folder / "views", 1).covered_offsets[str(PARTITION)] == 8
    report = verified(stage)
    assert (report.is_equal, report.records, report.comparison.recomputed_sums.distance_m) == (True, 4, 1_200)
    assert json.loads(report.as_json())["lake_records_uncommitted"] == 0


def test_a_partition_of_aborted_records_only_is_covered_and_makes_no_version(stage: Stage, spark: SparkSession) -> None:
    with Transaction(stage) as transaction:
        transaction.send(*(a_reading(number) for number in range(300))).abort()
    run = stage.run(spark)
    first = run.once()
    assert (first.ingested, first.version) == (0, None)
    assert run.once().version is None
    stage.send(a_reading(5))
    after = stage.run(spark).once()
    assert (after.ingested, after.version, offsets(stage)) == (1, 1, [(PARTITION, 301)])


def test_an_open_transaction_holds_its_partition_back_and_no_other(stage: Stage, spark: SparkSession) -> None:
    stage.send(a_reading(0))
    run = stage.run(spark)
    with Transaction(stage) as transaction:
        transaction.send(a_reading(1))
        stage.send(a_reading(2))
        stage.send(a_reading(0, car=OTHER), key=OTHER)
        assert bounds(stage).held == {PARTITION: 3}
        assert run.once().ingested == 2
        assert offsets(stage) == sorted([(PARTITION, 0), (OTHER_PARTITION, 0)])
        assert run.once().ingested == 0
        assert verified(stage).is_equal
        transaction.commit()
    assert bounds(stage).held == {}
    assert run.once().ingested == 2
    assert [offset for at, offset in offsets(stage) if at == PARTITION] == [0, 1, 2]


def test_a_hung_transaction_holds_its_partition_until_the_broker_aborts_it(stage: Stage, spark: SparkSession) -> None:
    run = stage.run(spark)
    with Transaction(stage, timeout_ms=15_000) as hung:
        hung.send(a_reading(1))
    stage.send(a_reading(2))
    assert (run.once().ingested, bounds(stage).held) == (0, {PARTITION: 2})
    eventually(lambda: not bounds(stage).held, within_s=90, every_s=1)
    assert (run.once().ingested, offsets(stage)) == (1, [(PARTITION, 1)])


def test_verify_names_what_an_earlier_program_took_in_of_aborted_transactions(
    stage: Stage, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.send(a_reading(0), a_reading(10))
    with Transaction(stage) as aborted:
        aborted.send(a_reading(700), b"{broken").abort()
    assert as_before(stage, spark, monkeypatch).ingested == 4
    stage.send(a_reading(20))
    assert stage.run(spark).once().ingested == 1
    report = verified(stage)
    told = json.loads(report.as_json())
    assert (told["equal"], told["trips_differing"], told["records"]) == (False, 1, 3)
    assert (told["lake_records_uncommitted"], told["trips_differing_by_uncommitted"]) == (2, 1)
    assert report.uncommitted is not None
    assert report.uncommitted.spans == {PARTITION: (2, 2, 3)}
    assert report.uncommitted.trips == {
        trip[:2] for trip in [(CAR, report.comparison.differences[0].trip_started_at_ms)]
    }


def test_a_lake_that_covers_an_open_transaction_goes_on_when_it_has_ended(
    stage: Stage, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.send(a_reading(0))
    with Transaction(stage) as transaction:
        transaction.send(a_reading(1))
        stage.send(a_reading(2))
        assert as_before(stage, spark, monkeypatch).ingested == 3
        # The last stable offset lies below what is covered: that is no other topic.
        stage.send(a_reading(3))
        stage.send(a_reading(0, car=OTHER), key=OTHER)
        run = stage.run(spark)
        assert run.once().ingested == 1
        with pytest.raises(Unavailable, match=rf"open in partition {PARTITION} from offset 1 on, below offset 3"):
            verified(stage)
        transaction.commit()
    assert run.once().ingested == 1
    assert [offset for at, offset in offsets(stage) if at == PARTITION] == [0, 1, 2, 3]
    report = verified(stage)
    assert report.uncommitted is not None
    assert (report.is_equal, report.uncommitted.records) == (True, 0)
