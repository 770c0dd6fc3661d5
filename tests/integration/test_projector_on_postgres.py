from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from filled_readings import fill_readings
from postgres import PostgresServer, running_postgres
from serving import VIN, Topics, a_state, a_trip, an_alert
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from contracts.record import Record
from stack.broker import Broker


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.database()


@pytest.fixture
def projector(fresh_broker: Broker, url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    fill_readings(fresh_broker.bootstrap)
    command = [sys.executable, "-m", "api", "projector", "--bootstrap", fresh_broker.bootstrap, "--store", url]
    process = subprocess.Popen([*command, "--views", str(tmp_path / "views"), "--status-port", "-1"])
    yield process
    process.kill()
    process.wait()


def send(broker: Broker, records: Iterable[Record]) -> None:
    async def sending() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
            for record in records:
                await producer.send(record.topic, record.value, record.key, partition=record.partition)

    asyncio.run(sending())


def held(url: str) -> list[Any]:
    """Give ids of alerts and the trip's metres; nothing while the server is away."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            alerts = connection.scalars(text("SELECT alert_id FROM alerts ORDER BY alert_id")).all()
            return [*alerts, *connection.scalars(text("SELECT distance_m FROM speed_trips"))]
    except DBAPIError:
        return []
    finally:
        engine.dispose()


def test_a_server_that_is_restarted_costs_the_projector_nothing(
    fresh_broker: Broker, postgres: PostgresServer, url: str, projector: subprocess.Popen[bytes]
) -> None:
    topics = Topics()
    send(fresh_broker, [topics.alert(an_alert("a")), *topics.flush(a_state(VIN, a_trip(1_000, 90), offset=3))])
    eventually(lambda: held(url) == ["a", 1_000], within_s=60)
    postgres.stop()
    send(fresh_broker, [topics.alert(an_alert("b")), *topics.flush(a_state(VIN, a_trip(2_000, 180), offset=6))])
    postgres.start()
    send(fresh_broker, [topics.alert(an_alert("c")), *topics.flush(a_state(VIN, a_trip(3_000, 270), offset=9))])
    eventually(lambda: held(url) == ["a", "b", "c", 3_000], within_s=60)
    assert projector.poll() is None
