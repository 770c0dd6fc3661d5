"""Kafka's address as people give it, the same in every program's settings."""

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
