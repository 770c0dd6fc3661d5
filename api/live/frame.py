"""Server-sent events as bytes, each written once for all who listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from api.live.position import Vector, after, written
from api.security.places import stripped
from contracts.alert import Alert, Severity
from contracts.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.queries.alert_events import AlertEvent

RETRY_MS: Final = 1000
"""How soon a browser comes back."""


class Frame(NamedTuple):
    """What is sent; `alert` is None for what everybody gets, whatever they wish for."""

    text: bytes
    alert: Alert | None = None
    without_place: bytes | None = None
    """The same for those who do not see positions, where it differs."""

    def text_for(self, *, sees_places: bool) -> bytes:
        """Return what is sent of it to one who sees places, or does not."""
        return self.text if sees_places or self.without_place is None else self.without_place


class Wish(NamedTuple):
    """Which alerts a listener wants; None means all."""

    vehicle_id: str | None = None
    rule: str | None = None
    severity: Severity | None = None

    def holds(self, frame: Frame) -> bool:
        """Tell whether a frame is wanted."""
        if frame.alert is None:
            return True
        wishes = {"vehicle_id": self.vehicle_id, "rule": self.rule, "severity": self.severity}
        return all(wanted in (None, getattr(frame.alert, name)) for name, wanted in wishes.items())


def standing(vector: Vector) -> Frame:
    """Tell a client where it stands, without an event: it takes the id, and knows that we are alive."""
    return Frame(f": alive\nid: {written(vector)}\n\n".encode())


def greeting(vector: Vector) -> Frame:
    """Begin a stream."""
    return Frame(f"retry: {RETRY_MS}\n".encode() + standing(vector).text)


def reset(vector: Vector) -> Frame:
    """Tell a client that what it missed cannot be told: it asks for the lists again, and goes on from here."""
    return Frame(f'event: reset\nid: {written(vector)}\ndata: {{"read_again":"/v1/alerts"}}\n\n'.encode())


def alerted(vector: Vector, events: Iterable[AlertEvent]) -> list[Frame]:
    """Write the events that are shown, of those that follow on `vector`; an id is where a client stands after it."""
    frames = []
    for event in events:
        vector = after(vector, event.partition, event.record_offset)
        if not event.is_shown:
            continue
        alert = decode(event.event.encode(), Alert)
        told = msgspec.to_builtins(alert) | {"available_at_ms": event.available_at_ms}
        begin = f"event: alert\nid: {written(vector)}\ndata: ".encode()
        whole, without = (begin + msgspec.json.encode(data) + b"\n\n" for data in (told, stripped(told)))
        frames.append(Frame(whole, alert, without))
    return frames
