"""The gate in front of every route: whose key, which role, how often; changes go to the audit log."""

from __future__ import annotations

import math
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from api.problems import problem
from api.security.permit import Permit
from api.security.places import without_places
from api.security.roles import is_open, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.security.audit import AuditLog
    from api.security.keys import ApiKey, KeyRing
    from api.security.rate import RateLimit

NOBODY: Final = "loopback"
"""Who asks where there are no keys: somebody on this machine."""
_CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Gate:
    """ASGI middleware."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyRing,
        limit: RateLimit,
        audit: AuditLog,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap an application."""
        self._app = app
        self._keys = keys
        self._limit = limit
        self._audit = audit
        self._monotonic_s = monotonic_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._keys.refresh()
        key = self._holder(scope) if self._keys.is_locked else None
        passing = send
        if scope["method"] in _CHANGES:
            passing = self._audited(scope, key, send)
        if (refused := self._refused(scope, key)) is not None:
            status, detail, headers = refused
            await problem(scope["path"], status, detail, headers=headers)(scope, receive, passing)
            return
        permit = Permit(self._keys, key, scope)
        scope["permit"] = permit
        scope["sees_positions"] = permit.sees_positions()
        if not scope["sees_positions"]:
            passing = without_places(passing)
        await self._app(scope, receive, passing)

    def _holder(self, scope: Scope) -> ApiKey | None:
        given = _given_key(Headers(scope=scope))
        return self._keys.holder(given) if given else None

    def _refused(self, scope: Scope, key: ApiKey | None) -> tuple[HTTPStatus, str, dict[str, str]] | None:
        path = scope["path"]
        if not self._keys.is_locked or is_open(path):
            return None
        if key is None:
            detail = (
                "this needs an API key that is in force: send `Authorization: Bearer KEY`; `api keys add` makes one"
            )
            return HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"}
        if (why := refusal(key, scope["method"], path)) is not None:
            return HTTPStatus.FORBIDDEN, why, {}
        if wait_s := self._limit.wait_s(key.name, self._monotonic_s()):
            detail = f"the key {key.name!r} asks too often; come back after Retry-After seconds"
            return HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(math.ceil(wait_s))}
        return None

    def _audited(self, scope: Scope, key: ApiKey | None, send: Send) -> Send:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                who = key.name if key else (NOBODY if not self._keys.is_locked else "unknown key")
                client = scope.get("client")
                facts = {"status": message["status"], "from": client[0] if client else None}
                self._audit.note(who, f"{scope['method']} {scope['path']}", **facts)
            await send(message)

        return noted


def _given_key(headers: Headers) -> str | None:
    """Give the key of `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")
