"""A record of Kafka as programs hand it on: where it stands, the broker's time, its bytes."""

from __future__ import annotations

from typing import NamedTuple

from contracts.headers import Headers


class Record(NamedTuple):
    """One record; `at_ms` is the broker's time (epoch milliseconds)."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 - never changed
