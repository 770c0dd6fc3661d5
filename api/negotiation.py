"""What a client accepts, and how much it likes each: the headers Accept and Accept-Encoding (RFC 9110, 12.4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def weights(headers: Iterable[str]) -> dict[str, float]:
    """Return the names that are listed, in lower case, with their weights from 0, not accepted, to 1."""
    found: dict[str, float] = {}
    for part in ",".join(headers).lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        given = dict(piece.replace(" ", "").partition("=")[::2] for piece in parameters)
        found[name] = _weight(given.get("q", "1"))
    return found


def _weight(text: str) -> float:
    """Return a weight; what is none of a weight's digits is not accepted."""
    is_number = text.isascii() and text.replace(".", "", 1).isdigit()
    return float(text) if is_number else 0.0
