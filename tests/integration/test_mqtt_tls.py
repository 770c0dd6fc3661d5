"""Cars and gateway with a real mosquitto that demands TLS, a certificate and a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from certificates import made_certificates
from eventually import eventually
from gateway_stage import a_gateway
from mosquitto import PASSWORD, USER, Mosquitto

from stack.broker import Broker


class Secure(NamedTuple):
    mosquitto: Mosquitto
    authority: Path
    certificate: Path
    """With its key, in one file."""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("tls")
    made = made_certificates(folder / "certificates")
    certificate = folder / "car.pem"
    certificate.write_text(made.key.read_text() + made.certificate.read_text())
    mosquitto = Mosquitto(folder / "mosquitto", certificates=made)
    yield Secure(mosquitto, made.authority, certificate)
    mosquitto.stop()


def ended(*command: object) -> subprocess.CompletedProcess[str]:
    given = {"SIMULATOR_MQTT_USERNAME": USER, "SIMULATOR_MQTT_PASSWORD": PASSWORD}
    given |= {"GATEWAY_USERNAME": USER, "GATEWAY_PASSWORD": PASSWORD}
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        env=dict(os.environ) | given,  # noqa: TID251 - a child inherits it
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_fleet_reaches_kafka_over_tls_only(secure: Secure, topics: Broker) -> None:
    tls = ("--tls", "--tls-ca", str(secure.authority), "--tls-certificate", str(secure.certificate))
    with a_gateway(secure.mosquitto, topics.bootstrap, *tls) as gateway:
        cars = ended(
            *("simulator", "run", "--json", "--vehicles", 20, "--rate", 5, "--for", "2s", "--seed", 779),
            *("--mqtt", secure.mosquitto.address, "--mqtt-ca", secure.authority),
            *("--mqtt-certificate", secure.certificate),
        )
        assert cars.returncode == 0, cars.stderr
        produced = json.loads(cars.stdout)["readings_produced"]
        assert produced > 0
        eventually(lambda: gateway.metric("readings_produced_total") == produced, within_s=20)
        assert gateway.stop() == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--mqtt-tls"], "CERTIFICATE_VERIFY_FAILED"),
        (["--mqtt-ca", "AUTHORITY"], "where it wants TLS or a certificate, give --mqtt-tls"),
    ],
)
def test_cars_that_are_not_let_in_are_told_in_one_line(secure: Secure, flags: list[str], told: str) -> None:
    given = [secure.authority if flag == "AUTHORITY" else flag for flag in flags]
    command = ("simulator", "run", "--vehicles", 1, "--wait", "1s", "--mqtt", secure.mosquitto.address)
    refused = ended(*command, *given)
    assert refused.returncode in (2, 3)
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert told in refused.stderr


def test_a_gateway_that_does_not_trust_the_mqtt_broker_says_what_is_wrong(secure: Secure, topics: Broker) -> None:
    command = ("gateway", "run", "--bootstrap", topics.bootstrap, "--wait", 1, "--status-port", -1)
    refused = ended(*command, "--mqtt", secure.mosquitto.address, "--tls")
    assert refused.returncode in (2, 3)
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
