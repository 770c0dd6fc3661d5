"""Why a record is rejected, and how it is kept: the bytes as they came, reason and origin in headers.

Of a record batch with very many of them some are told by one record together, which has neither key nor value.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from contracts import headers
from contracts.bounds import Count, Name, SmallCount, SmallNumber, Text
from contracts.headers import Headers
from contracts.reason import Reason
from contracts.topics import REJECTED_READINGS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

KEPT_BYTES = 64 * 1024
"""How much of a rejected record is kept; the full length and SHA-256 stand in the headers."""


class Rejection(msgspec.Struct, frozen=True):
    """One rejected record's story: what was wrong, and where it stood; or that of many records of one batch."""

    reason: Name
    detail: Text
    source_topic: Name
    source_partition: SmallCount
    source_offset: Count
    received_at_ms: Count
    length: Count
    sha256: Name
    records: SmallNumber | None = None
    """How many rejected records it stands for, the first at `source_offset`; None for one."""
    source_last_offset: Count | None = None
    """Where the last of them stood."""

    @property
    def number(self) -> int:
        """The number of rejected records that it stands for."""
        return self.records or 1

    @property
    def last_offset(self) -> int:
        """The offset of the last record that it stands for."""
        return self.source_offset if self.source_last_offset is None else self.source_last_offset


_OPTIONAL = frozenset(field.name for field in msgspec.structs.fields(Rejection) if not field.required)


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


def rejection_of_many(
    reasons: Counter[Reason], *, topic: str, partition: int, offsets: tuple[int, int], received_at_ms: int
) -> Rejection:
    """Describe rejected records of one batch together, by the number of each reason; `offsets` are the first and last.

    The reason is the most frequent one, the first to be found of equal ones.
    """
    counted = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common())
    first, last = offsets
    story = rejection(
        b"",
        reason=reasons.most_common(1)[0][0],
        detail=f"rejected records of one record batch, offsets {first} to {last}: {counted}",
        topic=topic,
        partition=partition,
        offset=first,
        received_at_ms=received_at_ms,
    )
    return msgspec.structs.replace(story, records=reasons.total(), source_last_offset=last)


def headers_behind(own: Headers, rejected: Rejection) -> Headers:
    """Return a record's own headers, and its story behind them: of equal names readers take the last.

    A story may lack what is optional in it, so a record's own headers of these names are left out.
    """
    return [*((name, value) for name, value in own if name.replace("-", "_") not in _OPTIONAL), *to_headers(rejected)]


def to_headers(rejected: Rejection) -> Headers:
    """Write a rejection as Kafka headers, one a field, names with hyphens; what is None is left out."""
    return headers.as_headers(rejected)


def from_headers(given: Iterable[tuple[str, bytes | None]]) -> Rejection:
    """Read a rejection back. Raises MalformedRecord when a header is missing or no number where one is due."""
    return headers.from_headers(given, Rejection, topic=REJECTED_READINGS.name)
