"""Errors over HTTP: RFC 9457 problem details, made in one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from contracts.errors import Unavailable
from simulator.control.desk import AlreadyThere, Impossible, NoSuchThing


class Problem(HTTPException):
    """A status, and what a person reads."""


def problem(status: int, detail: str) -> Response:
    """Write one."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


async def _http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, error.detail)


def _as(status: HTTPStatus) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(_: Request, error: Exception) -> Response:
        return problem(status, str(error))

    return handle


HANDLERS: Final[Mapping[Any, Any]] = {
    HTTPException: _http,
    NoSuchThing: _as(HTTPStatus.NOT_FOUND),
    AlreadyThere: _as(HTTPStatus.CONFLICT),
    Impossible: _as(HTTPStatus.UNPROCESSABLE_ENTITY),
    Unavailable: _as(HTTPStatus.SERVICE_UNAVAILABLE),
}
