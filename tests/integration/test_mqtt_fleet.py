"""A simulated fleet over a real mosquitto and the gateway into Kafka."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from eventually import eventually
from gateway_stage import Gateway, a_gateway, read_all, sequences
from mosquitto import Mosquitto

from contracts.codec import decode
from contracts.plausibility import believe
from contracts.topics import VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle
from simulator.vehicles.fleet import fleet
from stack.broker import Broker


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    started = Mosquitto(tmp_path_factory.mktemp("fleet") / "mosquitto")
    yield started
    started.stop()


def _simulator(mosquitto: Mosquitto, *flags: object) -> subprocess.Popen[str]:
    given = {name.replace("_USER", "_MQTT_USER").replace("_PASS", "_MQTT_PASS"): value
             for name, value in mosquitto.environment("SIMULATOR").items()}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", "run", "--json", *map(str, flags)],
        env=dict(os.environ) | given,  # noqa: TID251 - a child inherits it
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _readings(bootstrap: str, vins: set[bytes]) -> list[Any]:
    return [record for record in read_all(bootstrap, VEHICLE_READINGS.name) if record.key in vins]


def test_a_fleet_over_mqtt_is_whole_in_kafka_though_mosquitto_restarts(mosquitto: Mosquitto, topics: Broker) -> None:
    vins = set(fleet(20, 777).vehicle_id.tolist())
    with a_gateway(mosquitto, topics.bootstrap) as gateway:
        cars = _simulator(mosquitto, "--vehicles", 20, "--seed", 777, "--rate", 5)
        eventually(lambda: gateway.metric("readings_produced_total") > 100, within_s=20)
        mosquitto.stop()
        mosquitto.start()
        eventually(lambda: gateway.metric("readings_produced_total") > 200, within_s=20)
        cars.send_signal(signal.SIGTERM)
        told, complaints = cars.communicate(timeout=60)
        assert cars.returncode == 0, complaints
        produced = json.loads(told)["readings_produced"]
        eventually(lambda: sum(map(len, sequences(_readings(topics.bootstrap, vins)).values())) >= produced)
        assert gateway.stop() == 0

    found = _readings(topics.bootstrap, vins)
    assert sum(map(len, sequences(found).values())) == produced
    for record in found:
        believe(record.value, record.partition, record.timestamp)
    last = {record.key: json.loads(record.value) for record in found}
    assert all(reading["ignition_on"] is False for reading in last.values())
    registered = {record.key: record.value for record in read_all(topics.bootstrap, VEHICLES.name)}
    assert {decode(registered[vin], Vehicle).vehicle_id.encode() for vin in vins} == vins


def test_a_fleet_waits_while_the_mqtt_broker_takes_nothing(mosquitto: Mosquitto, topics: Broker) -> None:
    """SIGSTOP leaves connections open: nothing is refused, nothing is acknowledged."""
    gateway = Gateway(mosquitto, topics.bootstrap).wait_ready()
    cars = _simulator(mosquitto, "--vehicles", 50, "--seed", 778, "--rate", 10, "--mqtt-in-flight", 20, "--for", "4s")
    eventually(lambda: gateway.metric("readings_produced_total") > 100, within_s=20)
    mosquitto.pause()
    try:
        assert cars.stderr is not None
        line = next(line for line in cars.stderr if "cars wait" in line)
        assert json.loads(line)["unacknowledged"] == 20
    finally:
        mosquitto.resume()
    told, complaints = cars.communicate(timeout=60)
    assert cars.returncode == 0, complaints
    vins = set(fleet(50, 778).vehicle_id.tolist())
    produced = json.loads(told)["readings_produced"]
    eventually(lambda: sum(map(len, sequences(_readings(topics.bootstrap, vins)).values())) == produced)
    assert gateway.stop() == 0


def test_cars_that_cannot_reach_the_mqtt_broker_are_told_where_it_was_looked_for(mosquitto: Mosquitto) -> None:
    command = [sys.executable, "-m", "simulator", "run", "--vehicles", "1", "--wait", "1s", "--mqtt"]
    told = subprocess.run([*command, "127.0.0.1:1"], capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stderr.count("\n")) == (3, 1)
    assert told.stderr.startswith("simulator: no MQTT broker at 127.0.0.1:1 within 1 s")
    told = subprocess.run([*command, mosquitto.address], capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "does not let nobody in" in told.stderr


def test_readings_that_nobody_takes_are_not_counted_as_sent(tmp_path_factory: pytest.TempPathFactory) -> None:
    alone = Mosquitto(tmp_path_factory.mktemp("alone") / "mosquitto")
    try:
        cars = _simulator(alone, "--vehicles", 20, "--rate", 5, "--for", "3s")
        told, complaints = cars.communicate(timeout=60)
        assert cars.returncode == 0, complaints
        assert json.loads(told)["readings_produced"] == 0
        assert "nobody takes what the cars publish, start the gateway" in complaints
    finally:
        alone.stop()
