from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from driving import a_reading
from fastapi import FastAPI
from fastapi.testclient import TestClient
from serving import NOW_MS, OTHER_VIN, VIN, Topics, an_alert, partition_of, project
from sqlalchemy import Engine, update

from api import problems
from api.kafka.reader import TopicReader
from api.period import day_of
from api.routes.signals import signal_routes
from api.signals import Span, heard, in_lake
from api.store import tables
from api.store.database import Store
from contracts.codec import encode
from contracts.errors import Unavailable
from contracts.record import Record
from contracts.topics import VEHICLE_READINGS


def a_row(offset: int, received_at_ms: int, **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "partition": partition_of(VIN), "offset": offset, "received_at_ms": received_at_ms, "vehicle_id": VIN,
        "recorded_at_ms": received_at_ms, "coolant_c": 90.0, "oil_c": None, "rejected_reason": None,
        "day": day_of(NOW_MS),
    }  # fmt: skip
    return row | given


def a_lake(folder: Path, *rows: dict[str, Any]) -> Path:
    kinds = {"rejected_reason": pa.string(), "oil_c": pa.float64(), "day": pa.date32()}
    columns = {name: pa.array([row[name] for row in rows], kinds.get(name)) for name in rows[0]}
    known = {"delta.dataSkippingStatsColumns": "partition,offset,received_at_ms"}  # as the cold path keeps them
    write_deltalake(str(folder), pa.table(columns), partition_by=["day"], configuration=known)
    return folder


SPAN = Span(VIN, partition_of(VIN), NOW_MS - 60_000, NOW_MS + 60_000)


def test_the_lake_gives_the_readings_of_one_vehicle_and_span_in_order(tmp_path: Path) -> None:
    lake = a_lake(
        tmp_path / "lake",
        a_row(7, NOW_MS + 60_000),
        a_row(5, NOW_MS - 60_000),
        a_row(4, NOW_MS - 60_001),
        a_row(8, NOW_MS + 60_001),
        a_row(6, NOW_MS, vehicle_id=OTHER_VIN),
        a_row(6, NOW_MS, rejected_reason="not_json"),
        a_row(6, NOW_MS, day=date(2026, 11, 1)),
    )
    rows = in_lake(lake, SPAN)
    assert rows is not None
    assert [(row["offset"], row["coolant_c"], "oil_c" in row) for row in rows] == [(5, 90.0, False), (7, 90.0, False)]


def test_without_a_lake_there_is_nothing(tmp_path: Path) -> None:
    assert in_lake(tmp_path / "nowhere", SPAN) is None


def a_record(value: bytes, at_ms: int = 0) -> Record:
    return Record(VEHICLE_READINGS.name, partition_of(VIN), 3, at_ms, VIN.encode(), value)


def test_records_that_cannot_be_believed_are_left_out() -> None:
    reading = a_reading(1, vehicle_id=VIN)
    good = a_record(encode(reading), reading.recorded_at_ms)
    rows = heard([good, a_record(b"{")])
    assert [row["recorded_at_ms"] for row in rows] == [reading.recorded_at_ms]
    assert "vehicle_id" not in rows[0]


class Reader:
    """Kafka as a test says."""

    def __init__(self, records: list[Record] | Unavailable | None) -> None:
        self._records = records

    async def within(self, *_: Any, **__: Any) -> list[Record] | None:
        if isinstance(self._records, Unavailable):
            raise self._records
        return self._records


def asked(url: str, reader: Reader, lake: Path, alert: str = "a") -> Any:
    app = FastAPI()
    problems.install(app)
    app.include_router(signal_routes(Store(url), cast("TopicReader", reader), lake))
    return TestClient(app).get(f"/v1/alerts/{alert}/signals")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return a_lake(tmp_path / "lake", a_row(5, NOW_MS))


def test_kafka_is_asked_first_then_the_lake(url: str, store: Engine, topics: Topics, lake: Path) -> None:
    project(store, topics.alert(an_alert("a")))
    reading = a_reading(1, vehicle_id=VIN)
    record = a_record(encode(reading), reading.recorded_at_ms)
    assert asked(url, Reader([record]), lake).json()["source"] == "kafka"
    absences: tuple[list[Record] | Unavailable | None, ...] = (None, [], Unavailable("away"))
    for absent in absences:
        answer = asked(url, Reader(absent), lake).json()
        assert (answer["source"], len(answer["readings"]), answer["from_ms"]) == ("lake", 1, NOW_MS - 60_000)


def test_what_nobody_has_any_more_is_told(url: str, store: Engine, topics: Topics, tmp_path: Path) -> None:
    project(store, topics.alert(an_alert("a")))
    assert asked(url, Reader(None), tmp_path / "none").status_code == 404
    assert asked(url, Reader(Unavailable("away")), tmp_path / "none").status_code == 503
    assert asked(url, Reader(None), tmp_path / "none", "unknown").status_code == 404


@pytest.mark.parametrize(
    "impossible",
    [
        {"received_at_ms": 2**62}, {"received_at_ms": -(2**62)}, {"received_at_ms": 0},
        {"received_at_ms": 300 * 10**12}, {"partition": 2**31}, {"partition": -1},
    ],
)  # fmt: skip
def test_an_alert_of_an_impossible_time_or_place_has_no_signals(
    url: str, store: Engine, topics: Topics, lake: Path, impossible: dict[str, int]
) -> None:
    project(store, topics.alert(an_alert("a")))
    with store.begin() as connection:  # as a store has it that was written before records were judged
        connection.execute(update(tables.alerts).values(**impossible))
    answer = asked(url, Reader(None), lake)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "impossible time or partition" in answer.json()["detail"]
