"""A real MQTT broker for tests, a child process on loopback that keeps its data: `from mosquitto import Mosquitto`."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aiomqtt
from certificates import Certificates
from eventually import eventually
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from observability.plain_text import print_error
from stack.ports import LOOPBACK, answers, free_port
from stack.processes import die_with_parent

USER, PASSWORD = "cars", "on the road"
_PATH = f"{os.defpath}:/usr/sbin:/usr/local/sbin"


def mosquitto_program() -> str:
    """Find mosquitto; where it is absent install it by apt-get, and say so."""
    if (found := shutil.which("mosquitto", path=_PATH)) is None:
        print_error("mosquitto is not here: installing it by apt-get")
        for command in (("update",), ("install", "--yes", "--no-install-recommends", "mosquitto")):
            subprocess.run(["apt-get", "-qq", *command], check=True, stdout=subprocess.DEVNULL)
        found = shutil.which("mosquitto", path=_PATH)
    assert found is not None, "needs mosquitto: `apt-get install mosquitto`"
    return found


class Mosquitto:
    """One broker with one user; what it is told to keep is there again after `stop` and `start`."""

    def __init__(self, folder: Path, *, certificates: Certificates | None = None) -> None:
        """Start it; with certificates it speaks TLS only, and with those who show one of the same authority."""
        self._program = mosquitto_program()
        self.port = free_port()
        self.address = f"{LOOPBACK}:{self.port}"
        self._folder = folder
        folder.mkdir(parents=True)
        passwords = folder / "passwords"
        tool = shutil.which("mosquitto_passwd", path=f"{_PATH}:/usr/bin")
        subprocess.run([str(tool), "-c", "-b", str(passwords), USER, PASSWORD], check=True, capture_output=True)
        settings: dict[str, object] = {
            "user": "root",
            "listener": f"{self.port} {LOOPBACK}",
            "password_file": passwords,
            "persistence": "true",
            "persistence_location": f"{folder}/",
            "max_inflight_messages": 0,
            "max_queued_messages": 0,
            "message_size_limit": 2 * 1024 * 1024,
        }
        if certificates is not None:
            settings |= {
                "cafile": certificates.authority,
                "certfile": certificates.certificate,
                "keyfile": certificates.key,
                "require_certificate": "true",
            }
        self._config = folder / "mosquitto.conf"
        self._config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self.start()

    def start(self) -> None:
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)],
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )
        eventually(lambda: answers(self.port))

    def stop(self) -> None:
        """End it as a restart of the machine does: it writes what it keeps."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)

    def pause(self) -> None:
        """Let it take nothing and refuse nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def environment(self, prefix: str) -> dict[str, str]:
        """Give the variables by which a program finds it and is let in."""
        return {f"{prefix}_MQTT": self.address, f"{prefix}_USERNAME": USER, f"{prefix}_PASSWORD": PASSWORD}

    def client(self, identifier: str = "", **options: Any) -> aiomqtt.Client:
        """Give a client that is let in, not yet connected."""
        return aiomqtt.Client(
            LOOPBACK,
            self.port,
            identifier=identifier or None,
            username=USER,
            password=PASSWORD,
            protocol=aiomqtt.ProtocolVersion.V5,
            **options,
        )


async def publish(
    client: aiomqtt.Client, messages: Iterable[tuple[str, bytes]], *, properties: Sequence[tuple[str, str]] = ()
) -> None:
    """Publish in order; back when the broker has acknowledged all."""
    given = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if properties:
        given.UserProperty = list(properties)
    client.pending_calls_threshold = 100_000
    sent = [client.publish(topic, payload, qos=1, properties=given) for topic, payload in messages]
    for start in range(0, len(sent), 200):
        await asyncio.gather(*sent[start : start + 200])
