"""How an answer is sent: the media type a client accepts, and the tag that says whether it has changed."""

from __future__ import annotations

import csv
import io
import zlib
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from fastapi import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

Media = Literal["application/json", "text/csv", "application/x-ndjson"]
MEDIA: Final[tuple[Media, ...]] = ("application/json", "text/csv", "application/x-ndjson")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def accepted(accept: str | None) -> Media:
    """Give the media type that an Accept header likes best of ours; JSON unless it asks for another."""
    best: tuple[float, Media] = (0.0, "application/json")
    for part in (accept or "").lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        for media in MEDIA:
            if media == kind and weight > best[0]:
                best = (weight, media)
    return best[1]


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def tag_of(*parts: object) -> str:
    """Give a weak entity tag of what an answer depends on."""
    return f'W/"{zlib.crc32(repr(parts).encode()):08x}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Tell whether the client has this answer already."""
    held = [one.strip() for one in (if_none_match or "").split(",")]
    return "*" in held or tag.removeprefix("W/") in (one.removeprefix("W/") for one in held)


def answered(content: dict[str, Any]) -> Response:
    """Answer with JSON."""
    return Response(msgspec.json.encode(content), media_type="application/json")


def unchanged(tag: str) -> Response:
    """Answer that the client's copy is still right."""
    return Response(status_code=304, headers=_headers(tag))


def tagged(content: bytes, media: Media, tag: str) -> Response:
    """Answer with a tag."""
    return Response(content, media_type=media, headers=_headers(tag))


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Vary": "Accept", "Cache-Control": "no-cache"}


def ndjson(rows: Iterable[dict[str, Any]]) -> bytes:
    """Write one JSON document a line."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def csv_table(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> bytes:
    """Write a table with a header (RFC 4180). What a spreadsheet would take for a formula is made text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
