"""All programs on a broker where each has the rights that docs/security.md gives it, and no others."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from acls import documented_rights, give
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, TransactionalIdAuthorizationFailed
from eventually import eventually
from hot_path_drives import drives, vin

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.topics import (
    ENGINE_ALERTS,
    READING_PARTITIONS,
    REJECTED_READINGS,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    Topic,
)
from stack.broker import SMALL_HEAP_MB, Broker, BrokerFiles, server_properties
from stack.ports import free_port, free_ports

RIGHTS = documented_rights()
USERS = sorted({right.user for right in RIGHTS})


def guarded(properties: str) -> str:
    """Return a broker's settings with a password for each user, and nothing allowed that no ACL allows."""
    passwords = " ".join(f'user_{user}="{user}"' for user in [*USERS, "broker"])
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="broker" '
    added = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "inter.broker.listener.name": "SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": f"{login}{passwords};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:broker;User:ANONYMOUS",  # the controller's own listener knows no users
        "allow.everyone.if.no.acl.found": "false",
    }
    return properties.replace("PLAINTEXT://", "SASL_PLAINTEXT://", 1).replace(
        "advertised.listeners=PLAINTEXT://", "advertised.listeners=SASL_PLAINTEXT://"
    ) + "".join(f"{name}={value}\n" for name, value in added.items())


def client(broker: Broker, user: str) -> dict[str, Any]:
    login = {"sasl_mechanism": "PLAIN", "sasl_plain_username": user, "sasl_plain_password": user}
    return {"bootstrap_servers": broker.bootstrap, "security_protocol": "SASL_PLAINTEXT", **login}


@pytest.fixture
def broker(broker_files: BrokerFiles, tmp_path: Path) -> Iterator[Broker]:
    port, controller_port = free_ports(None, None)
    plain = server_properties(data=tmp_path / "data", port=port, controller_ports=[controller_port])
    log = tmp_path / "broker.log"
    started = Broker.started(
        broker_files,
        guarded(plain),
        data=tmp_path / "data",
        port=port,
        heap_mb=SMALL_HEAP_MB,
        log=log,
    )
    try:
        started.wait_ready()
        eventually(lambda: _given(started), within_s=60)
        yield started
    finally:
        started.stop()


def _given(broker: Broker) -> bool:
    try:
        asyncio.run(give(RIGHTS, **client(broker, "broker")))
    except KafkaError as error:  # the port opens before the broker is registered
        raise OSError("no rights yet") from error
    return True


class Programs:
    """Runs each program as its own user."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self._broker = broker
        self.folder = folder

    def environment(self, user: str) -> dict[str, str]:
        security = {
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_USERNAME": user,
            "KAFKA_PASSWORD": user,
        }
        return os.environ | security  # noqa: TID251 - children inherit it

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", *words, "--bootstrap", self._broker.bootstrap]

    def ran(self, user: str, *words: str) -> None:
        ended = subprocess.run(
            self.command(*words), env=self.environment(user), cwd=self.folder,
            capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def start(self, running: ExitStack, user: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{user}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(*words), env=self.environment(user), cwd=self.folder, stdout=log, stderr=log
            )
        running.callback(process.wait, 30)
        running.callback(process.terminate)
        return process


async def _send(broker: Broker, user: str, topic: str, *records: tuple[bytes, bytes], **options: Any) -> None:
    async with AIOKafkaProducer(**client(broker, user), acks="all", **options) as producer:
        sent = [
            await producer.send(topic, value, key, partition=partition_of_key(key, READING_PARTITIONS))
            for key, value in records
        ]
        await asyncio.gather(*sent)


def test_all_programs_run_with_the_rights_that_are_documented_and_no_others(broker: Broker, tmp_path: Path) -> None:
    programs = Programs(broker, tmp_path)
    store = ("--store", f"sqlite:///{tmp_path}/serving.db")
    views, lake = ("--views", str(tmp_path / "views")), ("--lake", str(tmp_path / "lake"))
    truth, port = str(tmp_path / "truth.jsonl"), free_port()
    (tmp_path / "webhooks.toml").write_text(
        '[[webhook]]\nname = "w"\nurl = "http://127.0.0.1:9/hook"\nsecret = "sixteen characters"\n'
        'allowed_networks = ["127.0.0.1/32"]\n'
    )
    programs.ran("stack-topics", "stack", "topics")
    with ExitStack() as running:
        long_running = [
            programs.start(running, user, *words)
            for user, words in {
                "hot-path-run": ("hot_path", "run", "--status-port", "-1"),
                "api-projector": ("api", "projector", *store, *views, "--status-port", "-1"),
                "api-serve": ("api", "serve", *store, *views, *lake, "--port", str(port)),
                "api-notifier": ("api", "notifier", "--status-port", "-1", "--webhooks", "webhooks.toml"),
                "simulator-run": ("simulator", "run", "--vehicles", "5", "--truth", truth, "--status-port", "-1"),
            }.items()
        ]
        readings = [(reading.vehicle_id.encode(), encode(reading)) for reading in drives(20, 100)]
        asyncio.run(_send(broker, "gateway-run", VEHICLE_READINGS.name, *readings))
        asyncio.run(_send(broker, "gateway-run", VEHICLE_READINGS.name, (b"nobody", b"{")))

        def asked(path: str) -> Any:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10)
            except httpx.TransportError as error:
                raise OSError(path) from error
            assert answer.status_code == 200, answer.text
            return answer.json()

        eventually(lambda: asked("/v1/pipeline")["marks"], within_s=90)
        eventually(lambda: asked("/v1/pipeline")["lag"]["status"] == "available", within_s=30)
        alerts = eventually(lambda: asked("/v1/alerts")["alerts"], within_s=60)
        eventually(lambda: asked("/v1/rejected-readings")["rejected"], within_s=60)
        done = {"by": "ann", "action_id": "one"}
        acted = httpx.post(f"http://127.0.0.1:{port}/v1/alerts/{alerts[0]['alert_id']}/acknowledge", json=done)
        assert acted.status_code < 300, acted.text
        asked(f"/v1/alerts/{alerts[0]['alert_id']}/signals")
        programs.ran("cold-path-run", "cold_path", "run", "--once", *lake, *views)
        eventually(lambda: asked("/v1/pipeline")["batch_view_version"] == 1, within_s=60)
        programs.ran("cold-path-run", "cold_path", "verify", *store, *views)
        programs.ran("simulator-score", "simulator", "score", "--truth", truth)
        programs.ran("api-erase", "api", "erase", vin(1), "--by", "ann", *store)
        assert [process.poll() for process in long_running] == [None] * len(long_running)
    for log in tmp_path.glob("*.log"):
        assert log.name == "broker.log" or "uthorization" not in log.read_text(), log.read_text()


REFUSED = (
    ("simulator-run", VEHICLE_STATES),
    ("gateway-run", ENGINE_ALERTS),
    ("api-notifier", ENGINE_ALERTS),
    ("cold-path-run", VEHICLE_READINGS),
    ("api-projector", REJECTED_READINGS),
)


async def _refused(broker: Broker, user: str, topic: Topic) -> None:
    async with AIOKafkaProducer(**client(broker, user)) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic.name, b"v", b"k", partition=0)


async def _holds_a_transaction(broker: Broker, user: str) -> None:
    async with AIOKafkaProducer(**client(broker, user), transactional_id="held") as producer:
        await producer.begin_transaction()


def test_nobody_writes_where_no_right_is_documented_or_holds_a_transaction(broker: Broker, tmp_path: Path) -> None:
    Programs(broker, tmp_path).ran("stack-topics", "stack", "topics")
    for user, topic in REFUSED:
        asyncio.run(_refused(broker, user, topic))
    with pytest.raises(TransactionalIdAuthorizationFailed):
        asyncio.run(_holds_a_transaction(broker, "simulator-run"))
