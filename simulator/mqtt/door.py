"""Where the MQTT broker is, and how the cars are let in there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from observability.addresses import host_and_port
from observability.tls import tls_context


@dataclass(frozen=True, slots=True)
class MqttDoor:
    """An address and what opens it; for TLS, the file of the authority that is trusted, and the cars' certificate."""

    address: str
    username: str | None = None
    password: str | None = None
    is_tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    patience_s: float = 10.0
    """How long a connection may take: one that wants TLS says nothing to who does not speak it."""

    @property
    def place(self) -> str:
        """Give host:port."""
        host, port = host_and_port(self.address, is_tls=self.is_tls)
        return f"{host}:{port}"

    def client(self, identifier: str) -> aiomqtt.Client:
        """Give a client, not connected. Raises InvalidInput for an unusable file."""
        host, port = host_and_port(self.address, is_tls=self.is_tls)
        return aiomqtt.Client(
            host,
            port,
            identifier=identifier,
            username=self.username,
            password=self.password,
            protocol=aiomqtt.ProtocolVersion.V5,
            max_inflight_messages=0,  # bounded by the link, and paho looks through all messages at each one's end
            timeout=self.patience_s,
            tls_context=self._tls() if self.is_tls else None,
        )

    def _tls(self) -> ssl.SSLContext:
        return tls_context(self.ca, self.certificate, flags="--mqtt-ca and --mqtt-certificate")
