"""Addresses of brokers as people give them, the same in every program's settings."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

_HOST_PORT: Final = re.compile(r"(?:\[[0-9A-Fa-f:]+\]|[^\s:,\[\]/]+):(\d{1,5})", re.ASCII)
_PORTS: Final = range(1, 65_536)


def _host_ports(given: str) -> str:
    for one in given.split(","):
        found = _HOST_PORT.fullmatch(one)
        if found is None or int(found[1]) not in _PORTS:
            raise ValueError("write host:port, as 127.0.0.1:9092, several with commas; a port is 1 to 65535")
    return given


Bootstrap = Annotated[str, AfterValidator(_host_ports)]
"""`host:port`, several with commas; an IPv6 address stands in brackets."""

_HOST_MAYBE_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:]+\]|[^\s:,\[\]/]+)(?::(\d{1,5}))?", re.ASCII)


def _host_maybe_port(given: str) -> str:
    found = _HOST_MAYBE_PORT.fullmatch(given)
    if found is None or (found[2] is not None and int(found[2]) not in _PORTS):
        raise ValueError("write host or host:port, as 127.0.0.1:1883; a port is 1 to 65535")
    return given


MqttAddress = Annotated[str, AfterValidator(_host_maybe_port)]
"""`host` or `host:port` of an MQTT broker; an IPv6 address stands in brackets."""
MQTT_PORT: Final = 1883
MQTT_TLS_PORT: Final = 8883


def host_and_port(address: str, *, is_tls: bool) -> tuple[str, int]:
    """Take an MqttAddress apart; without a port it is the registered one of MQTT, or of MQTT over TLS."""
    found = _HOST_MAYBE_PORT.fullmatch(address)
    if found is None:
        raise ValueError(address)
    usual = MQTT_TLS_PORT if is_tls else MQTT_PORT
    return found[1].strip("[]"), int(found[2] or usual)
