"""Which rejected readings may be sent again, and as what: the bytes as they came, to the partition of their key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.kafka.producer import Outgoing
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA
from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS

if TYPE_CHECKING:
    from contracts.rejection import Rejection

TIME_DEPENDENT: Final = frozenset({"clock_ahead", "clock_behind"})
"""Reasons judged against the moment of arrival: sent again, such a reading is judged by another moment."""
MOST_REPLAYS: Final = 3
"""So often the same bytes are sent again before it takes force."""


def refusal(rejected: Rejection, *, kept_bytes: int, times: int, force: bool) -> str | None:
    """Say why a rejected reading is not sent again, None if it is; `times` is how often these bytes were rejected.

    What was cut off or told together cannot be sent at all; the rest is a matter of `force`.
    """
    if rejected.records is not None:
        return f"it stands for {rejected.records} records, whose bytes it does not have; the lake has them"
    if kept_bytes < rejected.length:
        return f"only {kept_bytes} of its {rejected.length} bytes were kept"
    if force:
        return None
    if rejected.reason in TIME_DEPENDENT:
        return f"{rejected.reason} depends on when it arrives; `force` sends it nevertheless"
    if times > MOST_REPLAYS:
        return f"these bytes were rejected {times} times; `force` sends them once more"
    return None


def resent(key: bytes, value: bytes, *, times: int, origin: str) -> Outgoing:
    """Give the record: where it came from and how often it was rejected stand in its headers."""
    headers = [("schema", READING_SCHEMA), ("replayed-from", origin.encode()), ("replay-count", str(times).encode())]
    partition = partition_of_key(key, READING_PARTITIONS)
    return Outgoing(VEHICLE_READINGS.name, key, value, partition, headers)
