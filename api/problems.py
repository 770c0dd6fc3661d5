"""Every error of the API as an RFC 9457 problem document, made in one place."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from api.errors import Refused, TooMany, Unknown
from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_STATUS: Final[dict[type[Exception], HTTPStatus]] = {
    Unknown: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.CONFLICT,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
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
    app.add_exception_handler(Exception, _defect)


def _answering(status: HTTPStatus) -> Any:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        return problem(request.url.path, status, str(error))

    return answer


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    faults = [Fault(where=".".join(map(str, one["loc"])), what=one["msg"]) for one in found]
    detail = "; ".join(f"{fault.where}: {fault.what}" for fault in faults)
    return problem(request.url.path, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults)


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    details = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}; /docs lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.url.path}; see /docs",
    }
    return problem(request.url.path, status, details.get(status, str(error.detail)), headers=error.headers)


async def _store_failed(request: Request, error: Exception) -> JSONResponse:
    log.error("store failed", exc_info=error)
    return problem(request.url.path, HTTPStatus.SERVICE_UNAVAILABLE, "the store does not answer; try again in a moment")


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
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers={**retry, **(headers or {})})


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
        return []
    named = [HTTPStatus.NOT_FOUND] if "{" in path else []
    contradicting = [HTTPStatus.CONFLICT] if method == "post" else []
    keys = [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS]
    return [*named, *contradicting, *keys, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE]
