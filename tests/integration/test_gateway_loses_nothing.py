"""What a car was told is kept is in Kafka, whoever of the three on the way is killed or away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eventually import eventually
from gateway_stage import Gateway, a_gateway, a_message, read_all, sequences
from mosquitto import Mosquitto, publish

from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA
from contracts.topics import READING_PARTITIONS
from stack.broker import SMALL_HEAP_MB, Broker, BrokerFiles

VINS = [f"1FTFW1ET5DFC{number:05d}" for number in range(40)]


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    started = Mosquitto(tmp_path / "mosquitto")
    yield started
    started.stop()


async def _published(mosquitto: Mosquitto, first: int, last: int) -> None:
    """Publish readings first … last - 1 of every car, in order."""
    async with mosquitto.client() as device:
        await publish(device, [a_message(vin, number) for number in range(first, last) for vin in VINS])


def test_a_gateway_killed_again_and_again_loses_no_reading_and_keeps_each_cars_order(
    mosquitto: Mosquitto, module_broker: Broker
) -> None:
    bootstrap = module_broker.bootstrap
    gateway = Gateway(mosquitto, bootstrap).wait_ready()
    with ThreadPoolExecutor() as cars:
        published = cars.submit(asyncio.run, _published(mosquitto, 0, 300))
        for _ in range(3):
            eventually(lambda: gateway.metric("messages_forwarded_total") > 500)  # noqa: B023 - asked at once
            gateway.kill()
            gateway = Gateway(mosquitto, bootstrap).wait_ready()
        published.result()
    eventually(lambda: {len(numbers) for numbers in sequences(read_all(bootstrap)).values()} == {300}, within_s=30)
    assert gateway.stop() == 0

    found = read_all(bootstrap)
    assert sequences(found) == {vin: list(range(300)) for vin in VINS}
    assert all(record.partition == partition_of_key(record.key, READING_PARTITIONS) for record in found)
    assert all(dict(record.headers) == {"schema": READING_SCHEMA} for record in found)


def test_what_is_published_while_kafka_and_then_the_mqtt_broker_are_away_arrives_once_they_are_back(
    mosquitto: Mosquitto, broker_files: BrokerFiles, fresh_broker: Broker, tmp_path: Path
) -> None:
    bootstrap, port = fresh_broker.bootstrap, fresh_broker.port
    with a_gateway(mosquitto, bootstrap, "--in-flight", "100") as gateway:
        asyncio.run(_published(mosquitto, 0, 10))
        eventually(lambda: gateway.metric("messages_forwarded_total") == 400)
        fresh_broker.kill()
        asyncio.run(_published(mosquitto, 10, 40))
        # It holds what it may, and leaves the rest where it is.
        eventually(lambda: gateway.metric("messages_held") == 100)
        mosquitto.stop()
        mosquitto.start()
        asyncio.run(_published(mosquitto, 40, 50))
        again = Broker.start(
            broker_files, data=fresh_broker.data, port=port, heap_mb=SMALL_HEAP_MB, log=tmp_path / "again.log"
        )
        try:
            again.wait_ready()
            eventually(lambda: sequences(read_all(bootstrap)) == {vin: list(range(50)) for vin in VINS}, within_s=40)
            assert gateway.metric("messages_held") <= 100
            assert gateway.stop() == 0
        finally:
            again.stop()
