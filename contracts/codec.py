"""The one codec: every value on every topic is encoded and decoded here.

`decode_reading` raises nothing but MalformedReading, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import msgspec

from contracts.errors import MalformedReading, MalformedRecord
from contracts.reading import Reading
from contracts.reason import Reason
from contracts.signals import fields_of_any_value

LARGEST_READING_BYTES = 64 * 1024
_MOST_BRACKETS = 500
SAFE_BYTES = 1000
"""A value this short cannot nest deeply enough to meet Python's recursion limit, so brackets need no counting."""

T = TypeVar("T")

_within_ranges = msgspec.json.Decoder(Reading)
decode_within_ranges: Callable[[bytes], Reading] = _within_ranges.decode
"""The bare decoder of plausible readings, for a caller that has seen to `SAFE_BYTES`; it may raise anything."""

_AnyReading = msgspec.defstruct("Reading", fields_of_any_value(), gc=False)
_of_any_value = msgspec.json.Decoder(_AnyReading)
_encoder = msgspec.json.Encoder()


def decode_plausible_reading(value: bytes | None) -> Reading | None:
    """Decode a reading whose every signal is within its range; None for anything else, for `decode_reading` to say why.

    One pass in C, and the way of nearly every reading.
    """
    try:
        if len(value) > SAFE_BYTES:  # type: ignore[arg-type]  # None has no length: a TypeError, caught below
            _refuse_large(value)  # type: ignore[arg-type]
        return decode_within_ranges(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - whatever a decoder can raise is for decode_reading to name
        return None


def decode_reading(value: bytes | None) -> Reading:
    """Decode a reading's bytes, whatever the values of its signals.

    Raises MalformedReading: too_large, not_json, missing_field or wrong_type.
    """
    if not value:
        raise MalformedReading("not_json", "the value is empty")
    if len(value) > SAFE_BYTES:
        _refuse_large(value)
    try:
        return Reading(*msgspec.structs.astuple(_of_any_value.decode(value)))
    except msgspec.ValidationError as error:
        if (reading := _with_last_duplicates(value)) is not None:
            return reading
        raise MalformedReading(_reason(str(error)), str(error)) from error
    except Exception as error:  # whatever a decoder can raise, the stream goes on
        raise MalformedReading("not_json", str(error)) from error


def _with_last_duplicates(value: bytes) -> Reading | None:
    """Decode where the last of duplicate keys wins, also over one of a wrong type; None when that is no reading either.

    The typed decoder judges each duplicate as it comes; only what it refuses costs this second look.
    """
    try:
        fields = msgspec.json.decode(value)
        return Reading(*msgspec.structs.astuple(msgspec.convert(fields, _AnyReading)))
    except Exception:  # noqa: BLE001 - the first decoder has said what is wrong
        return None


def _refuse_large(value: bytes) -> None:
    if len(value) > LARGEST_READING_BYTES:
        raise MalformedReading("too_large", f"{len(value)} bytes; at most {LARGEST_READING_BYTES} are read")
    # How deep a decoder can go depends on its caller's stack, so both paths would judge deep nesting differently.
    if value.count(b"[") + value.count(b"{") > _MOST_BRACKETS:
        raise MalformedReading("not_json", f"more than {_MOST_BRACKETS} brackets")


def _reason(message: str) -> Reason:
    is_absent = "missing required field" in message or ("got `null`" in message and "[" not in message)
    return "missing_field" if is_absent else "wrong_type"


def encode(value: msgspec.Struct) -> bytes:
    """Encode any value of the contracts as JSON, fields in the order of their declaration."""
    return _encoder.encode(value)


def decode(value: bytes, kind: type[T]) -> T:
    """Decode what another program of this project wrote. Raises MalformedRecord, which names the kind and the place."""
    try:
        found: T = _decoder(kind).decode(value)  # type: ignore[arg-type]  # a class is hashable
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{kind.__name__} does not decode: {error}; it begins {value[:80]!r}"
        raise MalformedRecord(message) from error
    return found


@lru_cache
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)
