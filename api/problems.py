"""Every error of the API as an RFC 9457 problem document, made in one place."""

from __future__ import annotations

import errno
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api.errors import Refused, TooMany, Unknown
from contracts.errors import InvalidInput, MalformedRecord, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_STATUS: Final[dict[type[Exception], HTTPStatus]] = {
    Unknown: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.CONFLICT,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_STORE: Final = ("disk is full", "No space left on device")
"""As SQLite and PostgreSQL say it."""
_LONGEST_DETAIL: Final = 200
_MOST_FAULTS: Final = 20
_PASSING: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class Fault(BaseModel):
    """One parameter that is wrong."""

    where: str = Field(examples=["query.limit"])
    what: str = Field(examples=["Input should be less than or equal to 500"])


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(default="about:blank", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no vehicle 1HGCM82633A004352 was ever heard of; see /v1/vehicles"])
    instance: str = Field(examples=["/v1/vehicles/1HGCM82633A004352"])
    errors: list[Fault] | None = None


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    for kind, status in _STATUS.items():
        app.add_exception_handler(kind, _answering(status))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _store_failed)
    app.add_exception_handler(OSError, _disk_failed)
    app.add_exception_handler(MalformedRecord, _unreadable)
    app.add_exception_handler(Exception, _defect)


def _answering(status: HTTPStatus) -> Any:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        return problem(request.url.path, status, str(error))

    return answer


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    faults = [_fault(one) for one in found[:_MOST_FAULTS]]
    more = [f"and {len(found) - _MOST_FAULTS} more"] if len(found) > _MOST_FAULTS else []
    detail = "; ".join([*(f"{fault.where}: {fault.what}" for fault in faults), *more])
    return problem(request.url.path, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults)


def _fault(one: Mapping[str, Any]) -> Fault:
    where = ".".join(map(str, one["loc"]))
    return Fault(where=where[:_LONGEST_DETAIL], what=one["msg"][:_LONGEST_DETAIL])


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    path, status, headers = request.url.path, HTTPStatus(error.status_code), dict(error.headers or {})
    detail = str(error.detail)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_possible_methods(request))
        detail = f"{request.method} is not possible at {path}; possible: {headers['Allow'] or 'nothing'}"
    elif status == HTTPStatus.NOT_FOUND and detail == status.phrase:  # the router's own words
        detail = f"there is nothing at {path}; /docs lists what there is"
    elif status == HTTPStatus.BAD_REQUEST and request.method != "GET":
        detail = f"{detail}; send JSON (RFC 8259) in UTF-8, of a few levels"
    return problem(path, status, detail, headers=headers)


def _possible_methods(request: Request) -> list[str]:
    """Return what all routes of a path take together; a router tells those of the first of them only."""
    routes, scope = request.app.router.routes, request.scope
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] == Match.FULL for route in routes)
    ]


async def _store_failed(request: Request, error: Exception) -> JSONResponse:
    log.error("store failed", exc_info=error)
    is_full = any(words in str(error) for words in _FULL_STORE)
    remedy = "its disk is full; free space there" if is_full else "try again in a moment"
    return problem(request.url.path, HTTPStatus.SERVICE_UNAVAILABLE, f"the store does not answer; {remedy}")


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    log.error("stored record unreadable", exc_info=error)
    detail = "the store holds a record of this that cannot be read; the log says which, and a new store leaves it out"
    return problem(request.url.path, HTTPStatus.SERVICE_UNAVAILABLE, detail)


async def _disk_failed(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, OSError) or error.errno not in _FULL:
        raise error
    log.error("disk full", exc_info=error)
    detail = f"the disk of {error.filename or 'the API'} is full ({error.strerror}); free space there and ask again"
    return problem(request.url.path, HTTPStatus.SERVICE_UNAVAILABLE, detail)


async def _defect(request: Request, _: Exception) -> JSONResponse:
    return problem(request.url.path, HTTPStatus.INTERNAL_SERVER_ERROR, "this is a defect of the API; its log says more")


def problem(
    path: str,
    status: HTTPStatus,
    detail: str,
    *,
    errors: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Answer with a problem document."""
    told = Problem(title=status.phrase, status=status, detail=detail, instance=path, errors=errors)
    retry = {"Retry-After": "2"} if status in _PASSING else {}
    body = told.model_dump(exclude_none=True)
    body["detail"] = detail.encode("utf-8", "replace").decode()  # it may quote text that no encoding has
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers={**retry, **(headers or {})})


class PlainProblems:
    """ASGI middleware; errors that a library words as plain text become problem documents too."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        begun: Message | None = None
        said = b""

        async def passing(message: Message) -> None:
            nonlocal begun, said
            if message["type"] == "http.response.start" and _is_plain_error(message):
                begun = message
                return
            if begun is None:
                await send(message)
                return
            said += message.get("body", b"")
            if not message.get("more_body", False):
                await _reworded(begun, said, scope)(scope, receive, send)

        await self._app(scope, receive, passing if scope["type"] == "http" else send)


def _is_plain_error(start: Message) -> bool:
    kind = MutableHeaders(raw=list(start["headers"])).get("content-type", "text/plain")
    return start["status"] >= HTTPStatus.BAD_REQUEST and kind.startswith("text/plain")


def _reworded(start: Message, said: bytes, scope: Scope) -> JSONResponse:
    status = HTTPStatus(start["status"])
    headers = MutableHeaders(raw=list(start["headers"]))
    for replaced in ("content-type", "content-length"):
        del headers[replaced]
    detail = said.decode("utf-8", "replace")[:_LONGEST_DETAIL] or status.phrase
    return problem(scope["path"], status, detail, headers=dict(headers))


def describe(openapi: dict[str, Any]) -> dict[str, Any]:
    """Say in an OpenAPI document that errors are problem documents."""
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {}) | {"Problem": schema}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            for status in _possible(method, path):
                responses[str(status.value)] = {"description": status.phrase, "content": content}
    return openapi


def _possible(method: str, path: str) -> list[HTTPStatus]:
    if not path.startswith("/v1/"):
        return _ALWAYS
    named = [HTTPStatus.NOT_FOUND] if "{" in path or path.startswith(_ELSEWHERE) else []
    changing = _OF_CHANGES if method != "get" else []
    return [*_ALWAYS, *named, *changing, *_OF_KEYS, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE]


_ALWAYS: Final = [HTTPStatus.BAD_REQUEST, HTTPStatus.MISDIRECTED_REQUEST]
_OF_KEYS: Final = [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS]
_OF_CHANGES: Final = [
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
]
_ELSEWHERE: Final = "/v1/simulator"
"""Where there may be nothing, although the path names nothing: no fleet to steer."""
