"""Where the MQTT broker is, and how the cars are let in there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from contracts.errors import InvalidInput
from observability.addresses import host_and_port


@dataclass(frozen=True, slots=True)
class MqttDoor:
    """An address and what opens it; with `ca`, the file of the authority that signed the broker's certificate, TLS."""

    address: str
    username: str | None = None
    password: str | None = None
    ca: Path | None = None

    @property
    def place(self) -> str:
        """Give host:port."""
        host, port = host_and_port(self.address, is_tls=self.ca is not None)
        return f"{host}:{port}"

    def client(self, identifier: str) -> aiomqtt.Client:
        """Give a client, not connected. Raises InvalidInput for an unusable `ca`."""
        host, port = host_and_port(self.address, is_tls=self.ca is not None)
        return aiomqtt.Client(
            host,
            port,
            identifier=identifier,
            username=self.username,
            password=self.password,
            protocol=aiomqtt.ProtocolVersion.V5,
            max_inflight_messages=0,  # bounded by the link, and paho looks through all messages at each one's end
            tls_context=None if self.ca is None else self._tls(self.ca),
        )

    def _tls(self, ca: Path) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=ca)
        except OSError as error:
            raise InvalidInput(f"{ca}: not a usable PEM file ({error}); see --mqtt-ca") from error
