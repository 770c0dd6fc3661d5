"""Answers for those who do not see positions: the same, with every place taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.lengthy import WorkedOnce

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

PLACES: Final = frozenset({"latitude_deg", "longitude_deg", "altitude_m", "heading_deg"})
_NO_VEHICLE: Final = "tells_of_no_vehicle"


def stripped(value: Any) -> Any:
    """Give a JSON value without places, however deep they stand."""
    if isinstance(value, dict):
        return {name: stripped(held) for name, held in value.items() if name not in PLACES}
    return [stripped(held) for held in value] if isinstance(value, list) else value


def tells_of_no_vehicle(scope: Scope) -> None:
    """Say of the answer to a request that it can hold no vehicle's place, so that nobody need look into it."""
    scope[_NO_VEHICLE] = True


class WithoutPlaces:
    """Takes the places out of answers; many who see none ask for the same one, so it is done once for all of them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._clean = WorkedOnce(_clean)

    def __call__(self, scope: Scope, send: Send) -> Send:
        """Return a `send` that holds a JSON answer back until it is whole and takes the places out.

        Other media pass: tables of rankings hold no places, and streams leave them out themselves.
        """
        begun: Message | None = None
        body = b""

        async def passing(message: Message) -> None:
            nonlocal begun, body
            if message["type"] == "http.response.start" and _is_json(message) and not scope.get(_NO_VEHICLE, False):
                begun = message
                return
            if begun is None or message["type"] != "http.response.body":
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            clean = await self._clean.of(body)
            headers = [(name, held) for name, held in begun["headers"] if name.lower() != b"content-length"]
            await send({**begun, "headers": [*headers, (b"content-length", str(len(clean)).encode())]})
            await send({"type": "http.response.body", "body": clean})

        return passing


def _clean(body: bytes) -> bytes:
    return msgspec.json.encode(stripped(msgspec.json.decode(body))) if body else body


def _is_json(message: Message) -> bool:
    kinds = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
    return any(b"json" in kind and b"ndjson" not in kind for kind in kinds)
