"""How an answer is sent: the media type a client accepts, and the tag that says whether it has changed."""

from __future__ import annotations

import csv
import io
import re
import zlib
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from fastapi import Response

from api.negotiation import weights
from observability.plain_text import UNSAFE

if TYPE_CHECKING:
    from collections.abc import Iterable

Media = Literal["application/json", "text/csv", "application/x-ndjson"]
MEDIA: Final[tuple[Media, ...]] = ("application/json", "text/csv", "application/x-ndjson")
_FORMULA: Final = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u207a\u207c\u208a\u208c\ufb29\u2a75\u2a76"
"""What begins a formula, also where compatibility decomposition (NFKC) makes it one: full width, small, raised."""
_FORMULA_CELL: Final = re.compile(rf"[\t\r\n]|[\s{UNSAFE}]*[{_FORMULA}]")
"""Where a formula is the whole cell: behind what a spreadsheet passes over before it looks for one."""
_FORMULA_WITHIN: Final = re.compile(rf"(?<=[;\t\r\n])(?=(?:(?![;\t\r\n])[\s\"{UNSAFE}])*[{_FORMULA}])")
"""Where one begins for a spreadsheet that separates cells by semicolons or tabs, and so does not see our quotes."""


def accepted(accept: str | None) -> Media:
    """Give the media type that an Accept header likes best of ours; JSON unless it asks for another."""
    liked = weights([accept or ""])
    ours: dict[str, Media] = {media: media for media in MEDIA}
    best = max((name for name in liked if name in ours and liked[name] > 0), key=liked.__getitem__, default=MEDIA[0])
    return ours[best]


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
    if not isinstance(value, str) or not value:
        return value
    return ("'" if _FORMULA_CELL.match(value) else "") + _FORMULA_WITHIN.sub("'", value)
