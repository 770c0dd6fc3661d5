"""What the API fetches from Kafka by place and time, and sends there again, on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from driving import a_reading
from fastapi.testclient import TestClient
from serving import OTHER_VIN, VIN, Topics, an_alert, partition_of, project
from sqlalchemy import Engine

from api.app import build
from api.clock import now_ms
from api.settings import ServeSettings
from api.store.database import open_for_writing
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.snapshot import Snapshot, to_headers
from contracts.topics import DASHCAM_SNAPSHOTS, REJECTED_READINGS, VEHICLE_READINGS
from stack.broker import Broker

PARTITION = partition_of(VIN)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    engine = open_for_writing(f"sqlite:///{tmp_path}/serving.db")
    yield engine
    engine.dispose()


@pytest.fixture
def client(store: Engine, module_broker: Broker, tmp_path: Path) -> Iterator[TestClient]:
    settings = ServeSettings(
        store=str(store.url), bootstrap=module_broker.bootstrap, views=tmp_path / "views", lake=tmp_path / "lake",
        keys=tmp_path / "keys.json", audit=tmp_path / "audit.jsonl",
    )  # fmt: skip
    with TestClient(build(settings), raise_server_exceptions=False) as client:
        yield client


def sent(broker: Broker, topic: str, partition: int, *records: tuple[str, bytes, Any]) -> list[tuple[int, int]]:
    """Send (VIN, value, headers); give the offset and the broker's time of each."""

    async def sending() -> list[tuple[int, int]]:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            told = [
                await producer.send_and_wait(topic, value, vin.encode(), partition=partition, headers=headers)
                for vin, value, headers in records
            ]
            return [(one.offset, one.timestamp) for one in told]

    return asyncio.run(sending())


def readings_of(vin: str, number: int) -> list[tuple[str, bytes, Any]]:
    begun = now_ms() - 60_000
    readings = [
        msgspec.structs.replace(
            a_reading(n), vehicle_id=vin, recorded_at_ms=begun + n * 1000, trip_started_at_ms=begun, sequence=n,
            trip_distance_m=n, trip_fuel_ml=n, trip_idle_s=0,
        )
        for n in range(number)
    ]  # fmt: skip
    return [(vin, encode(reading), []) for reading in readings]


def test_signals_around_an_alert_come_from_kafka_by_time(
    client: TestClient, store: Engine, module_broker: Broker
) -> None:
    others = [(OTHER_VIN, value, headers) for _, value, headers in readings_of(VIN, 3)]
    places = sent(module_broker, VEHICLE_READINGS.name, PARTITION, *others, *readings_of(VIN, 5), *others)
    offset, at_ms = places[5]
    alert = an_alert("a", partition=PARTITION, offset=offset, received_at_ms=at_ms)
    project(store, Topics().alert(alert, at_ms=at_ms + 20))
    answer = client.get("/v1/alerts/a/signals").json()
    assert answer["source"] == "kafka"
    assert [row["offset"] for row in answer["readings"]] == [offset for offset, _ in places[3:8]]
    assert client.get("/v1/alerts/a/signals").json() == answer


def test_pictures_are_listed_newest_first_and_fetched_by_offset(client: TestClient, module_broker: Broker) -> None:
    partition = partition_of_key(VIN.encode(), DASHCAM_SNAPSHOTS.partitions)
    shown = Snapshot(VIN, "harsh_braking", now_ms(), now_ms() - 5_000, 7, 50.0, detail="5 m/s2")
    picture = b"\xff\xd8\xff picture \xff\xd9"
    records = [(VIN, picture, to_headers(shown)), (OTHER_VIN, picture, to_headers(shown)), (VIN, picture, [])]
    (offset, _), (other, _), _ = sent(module_broker, DASHCAM_SNAPSHOTS.name, partition, *records)
    (one,) = client.get(f"/v1/vehicles/{VIN}/snapshots").json()["snapshots"]
    assert (one["offset"], one["event"], one["bytes"]) == (offset, "harsh_braking", len(picture))
    answer = client.get(one["picture"])
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", picture)
    for wrong in (other, 10**9):
        assert client.get(f"/v1/vehicles/{VIN}/snapshots/{wrong}").status_code == 404


def test_a_rejected_reading_is_sent_again(client: TestClient, store: Engine, module_broker: Broker) -> None:
    record = Topics().rejected(VIN, 3)
    ((offset, _),) = sent(module_broker, REJECTED_READINGS.name, 0, (VIN, b"{", record.headers))
    project(store, record._replace(offset=offset))
    assert client.get(f"/v1/rejected-readings/0/{offset}").json()["value"] == "{"
    assert client.post("/v1/rejected-readings/replay", json={"vehicle_id": VIN}).json() == {
        "replayed": 1,
        "refused": [],
    }

    async def newest() -> Any:
        place = TopicPartition(VEHICLE_READINGS.name, PARTITION)
        consumer = AIOKafkaConsumer(bootstrap_servers=module_broker.bootstrap)
        await consumer.start()
        try:
            consumer.assign([place])
            consumer.seek(place, (await consumer.end_offsets([place]))[place] - 1)
            return await consumer.getone()
        finally:
            await consumer.stop()

    again = asyncio.run(newest())
    assert (again.key, again.value) == (VIN.encode(), b"{")
    assert dict(again.headers)["replayed-from"] == f"rejected-readings/0/{offset}".encode()
