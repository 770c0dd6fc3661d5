"""Where a listener stands: the next offset in each partition of engine-alerts, written as an event's id."""

from __future__ import annotations

import re
from typing import Final

from contracts.topics import ENGINE_ALERTS

Vector = tuple[int, ...]
"""Next offsets by partition."""

_WRITTEN: Final = re.compile(rf"\d{{1,18}}(\.\d{{1,18}}){{{ENGINE_ALERTS.partitions - 1}}}", re.ASCII)


def written(vector: Vector) -> str:
    """Write it as an event's id."""
    return ".".join(map(str, vector))


def read(event_id: str) -> Vector | None:
    """Read an event's id; None when it is none of ours."""
    return tuple(map(int, event_id.split("."))) if _WRITTEN.fullmatch(event_id) else None


def after(vector: Vector, partition: int, offset: int) -> Vector:
    """Give where one stands after the event at that offset."""
    return (*vector[:partition], offset + 1, *vector[partition + 1 :])
