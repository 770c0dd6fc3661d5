"""The gateway between a real mosquitto and a real Kafka: what it takes, what it refuses, how it starts and ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from gateway_stage import a_gateway, a_message, read_all
from mosquitto import Mosquitto, publish

from contracts.codec import encode
from contracts.mqtt_topics import topic_of
from contracts.rejection import from_headers
from contracts.snapshot import Snapshot, to_headers
from contracts.topics import DASHCAM_SNAPSHOTS, REJECTED_READINGS, VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle
from stack.broker import Broker

VIN = "0CC0MRTTG0N000001"
A_JPEG = b"\xff\xd8\xff" + bytes(900_000) + b"\xff\xd9"


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    started = Mosquitto(tmp_path_factory.mktemp("mqtt") / "mosquitto")
    yield started
    started.stop()


def _publish(mosquitto: Mosquitto, *messages: tuple[str, bytes], **more: Any) -> None:
    async def connected() -> None:
        async with mosquitto.client() as device:
            await publish(device, messages, **more)

    asyncio.run(connected())


def _of(vin: str, bootstrap: str, topic: str) -> list[Any]:
    return [record for record in read_all(bootstrap, topic) if record.key == vin.encode()]


def test_every_kind_of_message_ends_on_its_topic(mosquitto: Mosquitto, topics: Broker) -> None:
    bootstrap = topics.bootstrap
    registered = encode(Vehicle(VIN, "Ford", "F150", 2013, "north"))
    facts = to_headers(Snapshot(VIN, "harsh_braking", 2, 1, 0, 50.0))
    lines = b"\n".join(a_message(VIN, number)[1] for number in (2, 3))
    with a_gateway(mosquitto, bootstrap) as gateway:
        _publish(mosquitto, (topic_of(VIN, "registry"), registered))
        _publish(mosquitto, a_message(VIN, 1), (topic_of(VIN, "readings/batch"), lines))
        _publish(mosquitto, (topic_of(VIN, "readings"), b"\xff\x00"), (topic_of(VIN, "readings"), b"x" * 100_000))
        told = [(name, value.decode()) for name, value in facts]
        _publish(mosquitto, (topic_of(VIN, "snapshots"), A_JPEG), properties=told)
        _publish(mosquitto, (f"vehicles/{VIN}/readings/later", b"?"), ("vehicles/nobody/readings", b"?"))
        eventually(lambda: gateway.metric("messages_forwarded_total") == 8)
        assert gateway.metric("readings_produced_total") == 4
        assert gateway.metric("readings_rejected_total") == 3
        assert gateway.stop() == 0

    readings = _of(VIN, bootstrap, VEHICLE_READINGS.name)
    assert [record.value for record in readings] == [a_message(VIN, 1)[1], *lines.split(b"\n"), b"\xff\x00"]
    assert [record.value for record in _of(VIN, bootstrap, VEHICLES.name)] == [registered]
    (snapshot,) = _of(VIN, bootstrap, DASHCAM_SNAPSHOTS.name)
    assert (snapshot.value, list(snapshot.headers)) == (A_JPEG, facts)
    rejected = [from_headers(record.headers) for record in read_all(bootstrap, REJECTED_READINGS.name)]
    found = {(one.source_topic, one.reason) for one in rejected if one.source_topic.startswith("vehicles/")}
    assert found == {
        (f"vehicles/{VIN}/readings", "too_large"),
        (f"vehicles/{VIN}/readings/later", "wrong_topic"),
        ("vehicles/nobody/readings", "wrong_topic"),
    }


def test_what_is_published_while_no_gateway_runs_is_kept_for_it(mosquitto: Mosquitto, topics: Broker) -> None:
    vin = VIN[:-1] + "2"
    with a_gateway(mosquitto, topics.bootstrap) as gateway:
        assert gateway.stop() == 0
    _publish(mosquitto, *(a_message(vin, number) for number in range(500)))
    with a_gateway(mosquitto, topics.bootstrap):
        eventually(lambda: len(_of(vin, topics.bootstrap, VEHICLE_READINGS.name)) == 500)


def test_gateways_of_one_share_divide_the_messages_between_them(mosquitto: Mosquitto, topics: Broker) -> None:
    vin = VIN[:-1] + "3"
    shared = [("--share", "many", "--client-id", f"gateway-{number}") for number in range(2)]
    with a_gateway(mosquitto, topics.bootstrap, *shared[0]) as one:  # noqa: SIM117 - the second needs the first
        with a_gateway(mosquitto, topics.bootstrap, *shared[1]) as other:
            _publish(mosquitto, *(a_message(vin, number) for number in range(200)))
            eventually(lambda: len(_of(vin, topics.bootstrap, VEHICLE_READINGS.name)) == 200)
            taken = [gateway.metric("readings_produced_total") for gateway in (one, other)]
    assert sum(taken) == 200
    assert all(taken)


def _refused(*flags: object, **variables: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "gateway", "run", "--status-port", "-1", "--wait", "1", *map(str, flags)]
    environment = dict(os.environ) | variables  # noqa: TID251 - a child inherits it
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    return told.returncode, told.stderr


def test_a_start_without_one_of_the_brokers_ends_in_one_line_with_what_to_do(topics: Broker, tmp_path: Path) -> None:
    code, line = _refused("--mqtt", "127.0.0.1:1", "--bootstrap", topics.bootstrap)
    assert (code, line.count("\n")) == (3, 1)
    assert line.startswith("gateway: no MQTT broker at 127.0.0.1:1 within 1 s")
    assert "--mqtt" in line
    code, line = _refused("--bootstrap", "127.0.0.1:1")
    assert (code, line.count("\n")) == (3, 1)
    assert "stack broker" in line
    code, line = _refused("--tls", "--tls-ca", tmp_path / "none.pem")
    assert (code, line.count("\n")) == (2, 1)


def test_a_gateway_that_the_mqtt_broker_does_not_know_is_told_so(mosquitto: Mosquitto, topics: Broker) -> None:
    flags = ("--mqtt", mosquitto.address, "--bootstrap", topics.bootstrap)
    code, line = _refused(*flags, "--username", "someone", GATEWAY_PASSWORD="wrong")  # noqa: S106
    assert (code, line.count("\n")) == (2, 1)
    assert "does not let someone in" in line
    assert "GATEWAY_PASSWORD" in line
