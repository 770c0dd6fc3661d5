"""The application's public doors: what the demo asks over HTTP, as any person could."""

from __future__ import annotations

from typing import Any

import httpx

Answer = dict[str, Any]


class Doors:
    """Asks the API; what does not answer within two seconds gives None."""

    def __init__(self, api_url: str) -> None:
        """Connect to nothing yet."""
        self._api_url = api_url
        self._client = httpx.AsyncClient(timeout=2.0, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def is_ready(self, address: str) -> bool:
        """Tell whether a program's readiness address answers 200."""
        try:
            return (await self._client.get(address)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def get(self, path: str, **query: str | int) -> Answer | None:
        """Give the JSON object of a route, None while there is none."""
        try:
            answer = await self._client.get(self._api_url + path, params=query)
            return dict(answer.json()) if answer.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, ValueError):
            return None

    async def attention(self, limit: int = 5) -> Answer | None:
        """Give the vehicles in need of attention, most urgent first."""
        return await self.get("/v1/attention", limit=limit)

    async def ranking(self, limit: int = 5) -> Answer | None:
        """Give the most fuel efficient vehicles."""
        return await self.get("/v1/rankings/fuel-efficiency", limit=limit)
