"""Every program against a broker that demands TLS and a password."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from certificates import Certificates, made_certificates
from eventually import eventually

from stack.broker import SMALL_HEAP_MB, Broker, BrokerFiles, server_properties
from stack.ports import free_port, free_ports


def demanding(properties: str, certificates: Certificates, folder: Path) -> str:
    """Give a broker's settings with SASL_SSL as the only way in."""
    store = folder / "server.pem"
    store.write_text(certificates.key.read_text() + certificates.certificate.read_text())
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="b" '
    secure = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": login + 'user_broker="b" user_cars="se\\\\"cret";',
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": store,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificates.authority,
    }
    return properties.replace("PLAINTEXT://", "SASL_SSL://") + "".join(f"{name}={at}\n" for name, at in secure.items())


@pytest.fixture(scope="module")
def secure(broker_files: BrokerFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Path]]:
    folder = tmp_path_factory.mktemp("secure-broker")
    certificates = made_certificates(folder / "certificates")
    port, controller_port = free_ports(None, None)
    plain = server_properties(data=folder / "data", port=port, controller_ports=[controller_port])
    properties = demanding(plain, certificates, folder)
    broker = Broker.started(
        broker_files, properties, data=folder / "data", port=port, heap_mb=SMALL_HEAP_MB, log=folder / "broker.log"
    )
    try:
        yield broker.wait_ready(), certificates.authority
    finally:
        broker.stop()


def environment(authority: Path, **given: str) -> dict[str, str]:
    security = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_CA_FILE": str(authority),
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_USERNAME": "cars",
        "KAFKA_PASSWORD": 'se"cret',
    }
    return os.environ | security | given  # noqa: TID251 - children inherit it


def ran(*command: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


@contextmanager
def running(*command: str, environment: dict[str, str], cwd: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *command], env=environment, cwd=cwd)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_every_program_talks_to_a_broker_that_demands_tls_and_a_password(
    secure: tuple[Broker, Path], tmp_path: Path
) -> None:
    broker, authority = secure
    kafka = ["--bootstrap", broker.bootstrap]
    store = ["--store", f"sqlite:///{tmp_path}/serving.db", "--views", str(tmp_path / "views")]
    given, port = environment(authority), free_port()
    assert ran("stack", "topics", *kafka, environment=given, cwd=tmp_path).returncode == 0
    with ExitStack() as programs:
        for command in (
            ("hot_path", "run", *kafka, "--status-port", "-1"),
            ("api", "projector", *kafka, *store, "--status-port", "-1"),
            ("api", "serve", *kafka, *store, "--port", str(port)),
            ("simulator", "run", *kafka, "--vehicles", "5", "--truth", str(tmp_path / "truth.jsonl")),
        ):
            programs.enter_context(running(*command, environment=given, cwd=tmp_path))

        def pipeline() -> httpx.Response:
            try:
                response = httpx.get(f"http://127.0.0.1:{port}/v1/pipeline", timeout=10)
            except httpx.TransportError as error:
                raise OSError(port) from error
            assert response.status_code == 200, response.text
            return response

        eventually(lambda: pipeline().json()["marks"], within_s=60)
        assert pipeline().json()["lag"]["status"] == "available"
        lake = ["--lake", str(tmp_path / "lake"), "--views", str(tmp_path / "views")]
        batch = ran("cold_path", "run", "--once", *kafka, *lake, environment=given, cwd=tmp_path)
        assert batch.returncode == 0, batch.stderr
        eventually(lambda: pipeline().json()["batch_view_version"] == 1, within_s=30)


@pytest.mark.parametrize(
    ("wrong", "told", "code"),
    [
        ({"KAFKA_PASSWORD": "wrong"}, "", 3),
        ({"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "", 3),
        ({"KAFKA_CA_FILE": "/nowhere.pem"}, "KAFKA_CA_FILE names", 2),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL", 2),
        ({"KAFKA_USERNAME": ""}, "", 3),
    ],
)
def test_what_is_wrong_ends_in_one_line(
    secure: tuple[Broker, Path], tmp_path: Path, wrong: dict[str, str], told: str, code: int
) -> None:
    broker, authority = secure
    given = environment(authority, **wrong)
    store = ["--store", f"sqlite:///{tmp_path}/s.db", "--wait", "2", "--status-port", "-1"]
    ended = ran("api", "projector", "--bootstrap", broker.bootstrap, *store, environment=given, cwd=tmp_path)
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False), ended.stderr
    assert told in ended.stderr
