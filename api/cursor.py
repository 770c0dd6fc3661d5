"""Cursors: where a page ended, as an opaque token that fits only the query it came from."""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from typing import TYPE_CHECKING, Any

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence


def cursor_after(query: Sequence[object], last: Sequence[object]) -> str:
    """Give the token that continues `query` after the row with the sort values `last`."""
    text = json.dumps([_fingerprint(query), *last], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(query: Sequence[object], token: str, *kinds: type) -> list[Any]:
    """Give the sort values that a token holds. Raises InvalidInput: no cursor, or one of another query."""
    try:
        held = json.loads(base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidInput("the cursor is none of ours; take `next_cursor` from an answer as it is") from error
    if not isinstance(held, list) or len(held) != len(kinds) + 1 or held[0] != _fingerprint(query):
        raise InvalidInput("the cursor belongs to another query; send the same filters, or leave the cursor out")
    if any(type(value) is not kind or not _is_storable(value) for value, kind in zip(held[1:], kinds, strict=True)):
        raise InvalidInput("the cursor was changed; take `next_cursor` from an answer as it is")
    return held[1:]


def _is_storable(value: object) -> bool:
    """Tell whether a store can compare with this value: finite, 64-bit, text without NUL and lone surrogates."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not isinstance(value, str) or ("\0" not in value and value.encode("utf-8", "replace").decode() == value)


def _fingerprint(query: Sequence[object]) -> int:
    return zlib.crc32(repr(tuple(query)).encode())
