"""Flat values as Kafka headers: one header a field, names with hyphens; what is None is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from contracts.errors import MalformedRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

Headers = list[tuple[str, bytes]]

T = TypeVar("T", bound=msgspec.Struct)


def as_headers(value: msgspec.Struct) -> Headers:
    """Write a struct of texts and numbers, in the order of its fields."""
    fields = msgspec.structs.asdict(value)
    return [(name.replace("_", "-"), str(given).encode()) for name, given in fields.items() if given is not None]


def from_headers(headers: Iterable[tuple[str, bytes | None]], kind: type[T], *, topic: str) -> T:
    """Read a struct back. Raises MalformedRecord when a header is missing or no number where one is due."""
    fields = {name.replace("-", "_"): (value or b"").decode("utf-8", "replace") for name, value in headers}
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        message = f"a record of {topic} has unusable headers: {error}"
        raise MalformedRecord(message) from error
