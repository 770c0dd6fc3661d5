"""The control's HTTP server, on loopback, in the fleet's own event loop.

It knows no users. So that no page in a browser on this machine can use it, a change must say `application/json` (which
other sites may not send without being allowed to, and nobody is), and be sent to this machine's name by no other site.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.errors import InvalidInput
from observability.cross_site import Asked, Site
from simulator.control.desk import Change, FaultAsked, Steered
from simulator.control.problems import HANDLERS, Problem, problem
from simulator.faults.fault import FAULT_KINDS, FaultKind

LOOPBACK: Final = "127.0.0.1"
_MOST_BYTES: Final = 64 * 1024
_LARGEST_HEAD_BYTES: Final = 16 * 1024
_MOST_CONNECTIONS: Final = 64

T = TypeVar("T")


def application(fleet: Steered) -> Starlette:
    """Give the application over a fleet."""

    async def state(_: Request) -> Response:
        return _answer(fleet)

    async def change(request: Request) -> Response:
        await fleet.change(await _asked(request, Change))
        return _answer(fleet)

    async def begin_fault(request: Request) -> Response:
        fleet.begin_fault(await _asked(request, FaultAsked))
        return _answer(fleet, status=201)

    async def clear_fault(request: Request) -> Response:
        fleet.clear_fault(request.path_params["vehicle_id"], _kind(request.path_params["fault"]))
        return _answer(fleet)

    return Starlette(
        routes=[
            Route("/", state, methods=["GET"]),
            Route("/", change, methods=["PATCH"]),
            Route("/faults", begin_fault, methods=["POST"]),
            Route("/faults/{vehicle_id}/{fault}", clear_fault, methods=["DELETE"]),
        ],
        middleware=[Middleware(OwnPagesOnly)],
        exception_handlers=HANDLERS,
    )


class OwnPagesOnly:
    """ASGI middleware; it refuses what a page of another site may have sent."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app
        self._site = Site()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through, or refuse it."""
        refused = None
        if scope["type"] == "http":
            refused = self._site.refusal(Asked(scope["method"], scope["headers"], LOOPBACK, scope["scheme"]))
        await (self._app if refused is None else problem(*refused))(scope, receive, send)


def _answer(fleet: Steered, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(fleet.state()), status, media_type="application/json")


async def _asked(request: Request, kind: type[T]) -> T:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise Problem(413, f"the body has more than {_MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(422, f"{error}; see the fields of {kind.__name__} in the control's page") from error


def _kind(given: str) -> FaultKind:
    for kind in FAULT_KINDS:
        if kind == given:
            return kind
    raise Problem(404, f"{given!r} is no fault; there are {', '.join(FAULT_KINDS)}")


class _Server(uvicorn.Server):
    """Leaves the signals to the program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def control_served(fleet: Steered, port: int) -> AsyncIterator[int]:
    """Serve while the block runs; port 0 takes a free one. Gives the port. Raises InvalidInput when it is taken."""
    try:
        listener = socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise InvalidInput(
            f"no control at {LOOPBACK}:{port} ({error.strerror}): give another --control, or 0 for a free one"
        ) from None
    config = uvicorn.Config(
        application(fleet),
        http="h11",  # which bounds headers; httptools does not
        h11_max_incomplete_event_size=_LARGEST_HEAD_BYTES,
        limit_concurrency=_MOST_CONNECTIONS,
        ws="none",
        proxy_headers=False,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        listener.close()
