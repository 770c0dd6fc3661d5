"""The control of a simulated fleet, where there is one: asked over HTTP on loopback, its refusals passed on."""

from __future__ import annotations

from typing import Any, Final

import httpx
from starlette.exceptions import HTTPException

from api.errors import Unknown
from contracts.errors import Unavailable

_PATIENCE_S: Final = 5.0
_FIRST_REFUSAL: Final = 400


class FleetControl:
    """Connects at the first question; without an address there is no fleet to steer."""

    def __init__(self, address: str | None) -> None:
        """Take the address of `simulator run --control`."""
        self._address = address
        self._client: httpx.AsyncClient | None = None

    async def ask(self, verb: str, path: str, body: object | None = None) -> dict[str, Any]:
        """Ask, and give the fleet's state. Raises Unknown, Unavailable, and an HTTPException for a refusal."""
        if self._address is None:
            raise Unknown("no simulated fleet is steered from here; `api serve` takes its --simulator-control")
        if self._client is None:
            self._client = httpx.AsyncClient(base_url=self._address, timeout=_PATIENCE_S, trust_env=False)
        try:
            answer = await self._client.request(verb, path, json=body)
        except httpx.TransportError as error:
            raise Unavailable(
                f"the fleet's control at {self._address} does not answer; is the simulator running?"
            ) from error
        told: dict[str, Any] = answer.json()
        if answer.status_code >= _FIRST_REFUSAL:
            raise HTTPException(answer.status_code, str(told.get("detail")))
        return told

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.aclose()
