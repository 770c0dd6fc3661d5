"""The control of a simulated fleet, where there is one: asked over HTTP on loopback, its refusals passed on."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException

from api.errors import Unknown
from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import httpx

_PATIENCE_S: Final = 5.0
_JSON: Final = {"Content-Type": "application/json"}


class FleetControl:
    """Connects at the first question; without an address there is no fleet to steer, and nothing to connect with."""

    def __init__(self, address: str | None) -> None:
        """Take the address of `simulator run --control`."""
        self._address = address
        self._client = None if address is None else _client(address)

    async def ask(self, verb: str, path: str, body: object | None = None) -> dict[str, Any]:
        """Ask, and give the fleet's state. Raises Unknown, InvalidInput, Unavailable; HTTPException for a refusal."""
        if self._client is None:
            raise Unknown("no simulated fleet is steered from here; `api serve` takes its --simulator-control")
        import httpx  # noqa: PLC0415 - see _client

        content = None if body is None else _encoded(body)
        try:
            answer = await self._client.request(verb, path, content=content, headers=_JSON)
        except httpx.TransportError as error:
            raise Unavailable(
                f"the fleet's control at {self._address} does not answer; is the simulator running?"
            ) from error
        return self._told(answer)

    def _told(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict) or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"{self._address} answers {answer.status_code} and no state; is it a fleet's control?")
        if answer.is_error:
            raise HTTPException(answer.status_code, str(told.get("detail")))
        return told

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.aclose()


def _encoded(body: object) -> bytes:
    """Return a body as JSON. Raises InvalidInput for what Python reads and JSON has not: NaN, infinity, half a pair."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body cannot be sent on ({error}); send finite numbers and whole characters") from error


def _client(address: str) -> httpx.AsyncClient:
    # Here, as it brings a command line of its own along: a seventh of the time in which the API starts.
    import httpx  # noqa: PLC0415

    return httpx.AsyncClient(base_url=address, timeout=_PATIENCE_S, trust_env=False)
