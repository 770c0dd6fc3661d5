"""The control of a simulated fleet, where there is one: asked over HTTP on loopback, its refusals passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException

from api.errors import Unknown
from contracts.errors import Unavailable

if TYPE_CHECKING:
    import httpx

_PATIENCE_S: Final = 5.0
_FIRST_REFUSAL: Final = 400


class FleetControl:
    """Connects at the first question; without an address there is no fleet to steer, and nothing to connect with."""

    def __init__(self, address: str | None) -> None:
        """Take the address of `simulator run --control`."""
        self._address = address
        self._client = None if address is None else _client(address)

    async def ask(self, verb: str, path: str, body: object | None = None) -> dict[str, Any]:
        """Ask, and give the fleet's state. Raises Unknown, Unavailable, and an HTTPException for a refusal."""
        if self._client is None:
            raise Unknown("no simulated fleet is steered from here; `api serve` takes its --simulator-control")
        import httpx  # noqa: PLC0415 - see _client

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


def _client(address: str) -> httpx.AsyncClient:
    # Here, as it brings a command line of its own along: a seventh of the time in which the API starts.
    import httpx  # noqa: PLC0415

    return httpx.AsyncClient(base_url=address, timeout=_PATIENCE_S, trust_env=False)
