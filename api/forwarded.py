"""Who asks, behind a reverse proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from observability.cross_site import is_address

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

_PEER: Final = "peer"


class ForwardedAddress(ProxyHeadersMiddleware):
    """ASGI middleware; it believes named proxies who asks, if what they say is an address: else the proxy has asked."""

    def __init__(self, app: Any, trusted_proxies: list[str]) -> None:  # Starlette types ASGI otherwise
        """Wrap an application."""
        super().__init__(self._pass, trusted_proxies)
        self._app = app

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Pass one request through."""
        if scope["type"] == "http":
            scope["state"][_PEER] = scope.get("client")
        await super().__call__(scope, receive, send)

    async def _pass(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http" and (client := scope.get("client")) is not None and not is_address(client[0]):
            scope["client"] = scope["state"][_PEER]
        await self._app(scope, receive, send)
