"""A message as it came from the MQTT broker."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """`number` is its packet identifier, by which it is acknowledged; 0 where the car asked for no acknowledgement."""

    topic: str
    payload: bytes
    number: int = 0
    properties: tuple[tuple[str, str], ...] = ()
    """User properties (MQTT 5)."""
