"""The gate in front of every route: under which name, whose key, which role, how often; changes are audited."""

from __future__ import annotations

import logging
import math
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.datastructures import Headers

from api.problems import problem
from api.security.journal import Journal, Request
from api.security.permit import Permit
from api.security.places import WithoutPlaces
from api.security.roles import Access, Guarded, refusal
from api.turns import HOLDER
from contracts.errors import InvalidInput
from observability.cross_site import SAFE_METHODS, Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.security.audit import AuditLog
    from api.security.keys import ApiKey, KeyRing
    from api.security.rate import RateLimit
    from observability.cross_site import Site

log = logging.getLogger(__name__)

NOBODY: Final = "loopback"
"""Who asks where there are no keys: somebody on this machine."""


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""A route's pattern ends before a newline too, so that two paths would be one."""


class _Refused(NamedTuple):
    status: HTTPStatus
    detail: str
    headers: dict[str, str]


class Gate:
    """ASGI middleware."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        site: Site,
        keys: KeyRing,
        limit: RateLimit,
        audit: AuditLog,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap an application."""
        self._app = app
        self._site = site
        self._keys = keys
        self._limit = limit
        self._journal = Journal(audit, monotonic_s)
        self._monotonic_s = monotonic_s
        self._guarded: Guarded | None = None
        self._without_places = WithoutPlaces()
        self._told: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_change = scope["method"] not in SAFE_METHODS
        key: ApiKey | None = None
        needed = self._needed(scope)
        refused = self._malformed(scope)
        if refused is None and not needed.is_open:
            try:
                self._keys.refresh()
            except InvalidInput as error:
                refused = self._without_keys(error)
            else:
                key = self._holder(scope) if self._keys.is_locked else None
                refused = self._forbidden(key, needed)
        if refused is not None:
            if is_change:
                await self._journal.refused(self._request(scope, key), refused.status)
            await problem(scope["path"], *refused[:2], headers=refused.headers)(scope, receive, send)
            return
        permit = Permit(self._keys, key, scope, needed)
        scope["permit"] = permit
        HOLDER.set(permit.holder)
        scope["sees_positions"] = permit.sees_positions()
        passing = send if scope["sees_positions"] or needed.is_open else self._without_places(scope, send)
        if is_change:
            await self._change(scope, receive, passing, key)
        else:
            await self._app(scope, receive, passing)

    async def _change(self, scope: Scope, receive: Receive, send: Send, key: ApiKey | None) -> None:
        """Let a change through once its line is written, and write how it ended."""
        request = self._request(scope, key)
        # Where there are no keys all are one: a bound would let anybody stop everybody's changes.
        if self._keys.is_locked and (wait_s := self._journal.wait_s(request)):
            await self._journal.refused(request, HTTPStatus.TOO_MANY_REQUESTS)
            detail = (
                f"too many changes that {request.who} asked for lately were refused (4xx); mend what asks for them, "
                "and come back after Retry-After seconds"
            )
            later = {"Retry-After": str(math.ceil(wait_s))}
            await problem(scope["path"], HTTPStatus.TOO_MANY_REQUESTS, detail, headers=later)(scope, receive, send)
            return
        try:
            change = await self._journal.begun(request)
        except InvalidInput as error:
            detail = f"nothing was changed, since it could not be noted: {error}"
            await problem(scope["path"], HTTPStatus.SERVICE_UNAVAILABLE, detail)(scope, receive, send)
            return
        status: int | None = None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await self._journal.ended(request, change, status)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if status is None:
                await self._journal.ended(request, change, None)

    def _needed(self, scope: Scope) -> Access:
        """Return what the route needs that will answer; all routes are there by the first request."""
        if self._guarded is None:
            self._guarded = Guarded(scope["app"].router.routes)
        return self._guarded.needed(scope)

    def _holder(self, scope: Scope) -> ApiKey | None:
        given = _given_key(Headers(scope=scope))
        return self._keys.holder(given) if given else None

    def _malformed(self, scope: Scope) -> _Refused | None:
        """Refuse what nobody may ask, whoever it is."""
        reached_at = (scope.get("server") or (None,))[0]
        asked = Asked(scope["method"], scope["headers"], reached_at, scope["scheme"])
        if (foreign := self._site.refusal(asked)) is not None:
            return _Refused(*foreign, {})
        if _CONTROL.search(scope["path"]):
            detail = "there is nothing at a path with control characters; /docs lists what there is"
            return _Refused(HTTPStatus.NOT_FOUND, detail, {})
        return None

    def _without_keys(self, error: InvalidInput) -> _Refused:
        """Let nobody in; what is wrong with the file is for the log alone, which tells it once."""
        if (reason := str(error)) != self._told:
            log.error("keys cannot be read; nobody gets in", extra={"reason": reason})
            self._told = reason
        detail = "the file of --keys cannot be read, so nobody gets in; the API's log says why"
        return _Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, {})

    def _forbidden(self, key: ApiKey | None, needed: Access) -> _Refused | None:
        if not self._keys.is_locked:
            return None
        if key is None:
            detail = (
                "this needs an API key that is in force: send `Authorization: Bearer KEY`; `api keys add` makes one"
            )
            return _Refused(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})
        if (why := refusal(key, needed)) is not None:
            return _Refused(HTTPStatus.FORBIDDEN, why, {})
        if wait_s := self._limit.wait_s(key.name, self._monotonic_s()):
            detail = f"the key {key.name!r} asks too often; come back after Retry-After seconds"
            return _Refused(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(math.ceil(wait_s))})
        return None

    def _request(self, scope: Scope, key: ApiKey | None) -> Request:
        who = key.name if key else ("unknown key" if self._keys.is_locked else NOBODY)
        client = scope.get("client")
        return Request(who, f"{scope['method']} {scope['path']}", client[0] if client else None)


def _given_key(headers: Headers) -> str | None:
    """Give the key of `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")
