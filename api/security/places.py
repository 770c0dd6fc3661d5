"""Answers for those who do not see positions: the same, with every place taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.lengthy import worked

if TYPE_CHECKING:
    from starlette.types import Message, Send

PLACES: Final = frozenset({"latitude_deg", "longitude_deg", "altitude_m", "heading_deg"})


def stripped(value: Any) -> Any:
    """Give a JSON value without places, however deep they stand."""
    if isinstance(value, dict):
        return {name: stripped(held) for name, held in value.items() if name not in PLACES}
    return [stripped(held) for held in value] if isinstance(value, list) else value


def without_places(send: Send) -> Send:
    """Give a `send` that holds a JSON answer back until it is whole and takes the places out.

    Other media pass: tables of rankings hold no places, and streams leave them out themselves.
    """
    begun: Message | None = None
    body = b""

    async def passing(message: Message) -> None:
        nonlocal begun, body
        if message["type"] == "http.response.start" and _is_json(message):
            begun = message
            return
        if begun is None or message["type"] != "http.response.body":
            await send(message)
            return
        body += message.get("body", b"")
        if message.get("more_body", False):
            return
        clean = await worked(_clean, body)
        headers = [(name, held) for name, held in begun["headers"] if name.lower() != b"content-length"]
        await send({**begun, "headers": [*headers, (b"content-length", str(len(clean)).encode())]})
        await send({"type": "http.response.body", "body": clean})

    return passing


def _clean(body: bytes) -> bytes:
    return msgspec.json.encode(stripped(msgspec.json.decode(body))) if body else body


def _is_json(message: Message) -> bool:
    kinds = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
    return any(b"json" in kind and b"ndjson" not in kind for kind in kinds)
