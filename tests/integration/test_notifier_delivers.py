"""The notifier between a real broker and a real receiver."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from certificates import made_certificates
from eventually import eventually
from filled_readings import fill_readings
from serving import OTHER_VIN, Topics, a_vehicle, an_alert
from strangers import Stranger, strangers

from api.notifier.signature import HEADER, is_genuine
from contracts.record import Record
from stack.broker import Broker
from stack.ports import free_port

SECRET = "sixteen characters"  # noqa: S105 - of a test


class Receiver(ThreadingHTTPServer):
    """Keeps what it takes; answers what a test says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.refused = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        is_ours = is_genuine(SECRET, body, self.headers[HEADER], int(time.time()))  # noqa: TID251 - a real receiver
        status = self.server.status if is_ours else 401
        if status < 300:
            self.server.taken.append((self.headers["Idempotency-Key"], json.loads(body)))
        else:
            self.server.refused += 1
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Trickling(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        with suppress(OSError):  # the notifier has had enough
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"x-more: 1\r\n")
                time.sleep(0.1)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.shutdown()


def send(broker: Broker, records: list[Record]) -> None:
    async def sending() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            for record in records:
                await producer.send(record.topic, record.value, record.key, partition=record.partition)

    asyncio.run(sending())


class Notifier:
    def __init__(self, broker: Broker, folder: Path) -> None:
        self.port = free_port()
        self._command = [
            sys.executable, "-m", "api", "notifier", "--bootstrap", broker.bootstrap, "--status-port", str(self.port),
            "--webhooks", str(folder / "webhooks.toml"), "--ledger", str(folder / "ledger.db"),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str, env: dict[str, str] | None = None) -> None:
        inherited = os.environ  # noqa: TID251 - a child inherits it
        self._process = subprocess.Popen([*self._command, *flags], env=inherited | (env or {}))
        eventually(self._is_ready, within_s=60)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health/ready").status_code == 200
        except httpx.TransportError as error:
            raise OSError(self.port) from error

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def test_alerts_reach_their_receiver_once_through_kills_and_failures(
    module_broker: Broker, receiver: Receiver, tmp_path: Path
) -> None:
    fill_readings(module_broker.bootstrap)
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    config = f'[[webhook]]\nname = "workshop"\nurl = "{url}"\nsecret = "{SECRET}"\nseverities = ["critical"]\n'
    (tmp_path / "webhooks.toml").write_text(config + 'fleets = ["north"]\nallowed_networks = ["127.0.0.1"]\n')
    topics, notifier = Topics(), Notifier(module_broker, tmp_path)
    send(module_broker, [topics.vehicle(a_vehicle()), topics.vehicle(a_vehicle(OTHER_VIN, fleet="south"))])
    send(module_broker, [topics.alert(an_alert("before", severity="critical"))])
    try:
        notifier.start()
        wanted = [topics.alert(an_alert(f"a{n}", severity="critical")) for n in range(5)]
        other = [
            topics.alert(an_alert("mild")),
            topics.alert(an_alert("south", vehicle_id=OTHER_VIN, severity="critical")),
        ]
        send(module_broker, [*wanted, *wanted, *other])
        expected = {f"a{n}:1" for n in range(5)}
        eventually(lambda: {key for key, _ in receiver.taken} == expected, within_s=30)
        receiver.status = 503
        send(module_broker, [topics.alert(an_alert("late", severity="critical"))])
        eventually(lambda: receiver.refused >= 1, within_s=30)
        notifier.kill()
        receiver.status = 204
        notifier.start()
        eventually(lambda: len(receiver.taken) == 6, within_s=30)
        receiver.status = 404
        send(module_broker, [topics.alert(an_alert("dead", severity="critical"))])
        refused = receiver.refused
        eventually(lambda: receiver.refused == refused + 1, within_s=30)
        notifier.kill()
        receiver.status = 204
        notifier.start("--retry-dead")
        eventually(lambda: len(receiver.taken) == 7, within_s=30)
        assert sorted(key for key, _ in receiver.taken) == sorted([*expected, "late:1", "dead:1"])
        assert {body["fleet"] for _, body in receiver.taken} == {"north"}
    finally:
        notifier.kill()


def has_taken(receiver: Receiver, expected: set[str]) -> bool:
    return {key for key, _ in receiver.taken} == expected


def test_a_receiver_that_trickles_delays_neither_another_nor_the_reading_of_alerts(
    module_broker: Broker, receiver: Receiver, tmp_path: Path
) -> None:
    slow = ThreadingHTTPServer(("127.0.0.1", 0), _Trickling)
    slow.daemon_threads = True
    threading.Thread(target=slow.serve_forever, daemon=True).start()
    (tmp_path / "webhooks.toml").write_text(
        "".join(
            f'[[webhook]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}/"\nsecret = "{SECRET}"\n'
            'rules = ["coolant"]\nallowed_networks = ["127.0.0.1"]\n'
            for name, port in (("slow", slow.server_port), ("workshop", receiver.server_port))
        )
    )
    fill_readings(module_broker.bootstrap)
    topics, notifier = Topics(), Notifier(module_broker, tmp_path)
    try:
        notifier.start("--timeout", "3600")  # an attempt at the slow one outlasts the test
        for first in (0, 20, 40):
            send(module_broker, [topics.alert(an_alert(f"b{n}")) for n in range(first, first + 20)])
            expected = {f"b{n}:1" for n in range(first + 20)}
            eventually(partial(has_taken, receiver, expected), within_s=60)
    finally:
        notifier.kill()
        slow.shutdown()


def test_receivers_of_every_bad_kind_end_no_notifier_and_cost_another_no_alert(
    module_broker: Broker, receiver: Receiver, tmp_path: Path
) -> None:
    fill_readings(module_broker.bootstrap)
    made = made_certificates(tmp_path / "tls")
    topics, notifier = Topics(), Notifier(module_broker, tmp_path)
    with strangers(made) as servers:
        urls = {
            name: f"{'https' if one.tls else 'http'}://user:HIDDEN@127.0.0.1:{one.port}/"
            for name, one in servers.items()
        }
        urls["workshop"] = f"http://127.0.0.1:{receiver.server_port}/"
        (tmp_path / "webhooks.toml").write_text(
            "".join(
                f'[[webhook]]\nname = "{name}"\nurl = "{url}"\nsecret = "{SECRET}"\n'
                'rules = ["coolant"]\nallowed_networks = ["127.0.0.1"]\n'
                for name, url in urls.items()
            )
        )
        try:
            for first in (0, 20):  # the second time those that failed are due at once
                visits = {name: one.visits for name, one in servers.items()}
                notifier.start(env={"SSL_CERT_FILE": str(made.authority)})
                send(module_broker, [topics.alert(an_alert(f"c{n}")) for n in range(first, first + 20)])
                expected = {f"c{n}:1" for n in range(first + 20)}
                eventually(partial(has_taken, receiver, expected), within_s=120)
                eventually(partial(all_visited, servers, visits), within_s=60)
                assert notifier.is_alive()
                notifier.kill()
        finally:
            notifier.kill()


def all_visited(servers: dict[str, Stranger], before: dict[str, int]) -> bool:
    return all(one.visits > before[name] for name, one in servers.items())
