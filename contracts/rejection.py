"""Why a record is rejected, and how it is kept: the bytes as they came, reason and origin in headers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from contracts import headers
from contracts.bounds import Count, Name, SmallCount, Text
from contracts.headers import Headers
from contracts.reason import Reason
from contracts.topics import REJECTED_READINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_BYTES = 64 * 1024
"""How much of a rejected record is kept; the full length and SHA-256 stand in the headers."""


class Rejection(msgspec.Struct, frozen=True):
    """One rejected record's story: what was wrong, and where it stood."""

    reason: Name
    detail: Text
    source_topic: Name
    source_partition: SmallCount
    source_offset: Count
    received_at_ms: Count
    length: Count
    sha256: Name


def rejection(  # noqa: PLR0913 - each is one fact of the record's origin
    value: bytes,
    *,
    reason: Reason,
    detail: str,
    topic: str,
    partition: int,
    offset: int,
    received_at_ms: int,
) -> Rejection:
    """Describe a rejected record. Purely a function of the record, so a repeated rejection is equal byte for byte."""
    return Rejection(
        reason=reason,
        detail=detail[:500],
        source_topic=topic,
        source_partition=partition,
        source_offset=offset,
        received_at_ms=received_at_ms,
        length=len(value),
        sha256=hashlib.sha256(value).hexdigest(),
    )


def to_headers(rejected: Rejection) -> Headers:
    """Write a rejection as Kafka headers, one a field, names with hyphens."""
    return headers.as_headers(rejected)


def from_headers(given: Iterable[tuple[str, bytes | None]]) -> Rejection:
    """Read a rejection back. Raises MalformedRecord when a header is missing or no number where one is due."""
    return headers.from_headers(given, Rejection, topic=REJECTED_READINGS.name)
