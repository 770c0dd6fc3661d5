"""HTTP/1.1 as uvicorn speaks it, with bounds: bytes of headers, requests that wait, time to send and to take.

uvicorn bounds none of these with httptools, and nothing that it bounds with h11 ends a request that comes too slowly.
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.problems import problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
    from uvicorn.config import Config
    from uvicorn.server import ServerState

LARGEST_HEAD_BYTES: Final = 32 * 1024
"""Of request line and headers together, and of what may come between two pieces of a body."""
_UNSENT_BYTES: Final = 16 * 1024
"""Of an answer that is being sent; the next one of the connection is not begun before."""
_SYSTEM_UNSENT_BYTES: Final = 64 * 1024
"""What the system holds of it, which it doubles. It grows to megabytes by itself, so that a slow reader seems to take
nothing for as long as it reads them."""
MOST_WAITING: Final = 16
"""Requests of a connection that may wait for the one before them to be answered (pipelining)."""
_ABORT_S: Final = 2.0
"""Who was told why gets this long to read it."""


class Patience(NamedTuple):
    """How long a connection waits, in seconds."""

    head_s: float = 10.0
    """For request line and headers, from the first byte or, on a new connection, from its beginning."""
    body_s: float = 20.0
    """For the body, as a whole."""
    write_s: float = 20.0
    """For `least_write_bytes` of an answer to be taken, while more than the buffer holds is waiting."""
    least_write_bytes: int = 20 * 1024


PATIENCE: Final = Patience()


class BoundedProtocol(HttpToolsProtocol):
    """One connection; a request beyond a bound is answered with a problem document, and its connection closed."""

    most_connections = 2048
    patience = PATIENCE

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._without_progress_bytes = 0
        self._is_in_head = False
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request, unless there are connections enough."""
        super().connection_made(transport)
        self.flow = _PatientFlow(transport, self.pipeline)
        transport.set_write_buffer_limits(_UNSENT_BYTES)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SYSTEM_UNSENT_BYTES)
        if len(self.connections) > self.most_connections:
            self._refuse(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self.most_connections} connections are open; close some, or start with more --most-connections",
            )
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers, and what waits for an answer."""
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        self._forsake()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that lead to nothing are bounded, as the parser keeps them."""
        if self.transport.is_closing():
            return
        self._without_progress_bytes += len(data)
        if self._deadline is None and self._is_idle():
            self._await_head()
        super().data_received(data)
        if self._without_progress_bytes > LARGEST_HEAD_BYTES:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._is_in_head = True
        if not self.transport.is_closing():
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what stands after a chunked body is none (RFC 9110, section 6.5.1)."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on to the body, unless the headers came at once and are too many, or too many requests wait."""
        self._is_in_head = False
        if self.transport.is_closing():
            return
        length = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if length > LARGEST_HEAD_BYTES:
            self._refuse_head()
            return
        if len(self.pipeline) >= MOST_WAITING:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, f"at most {MOST_WAITING} requests of a connection may wait")
            return
        self._without_progress_bytes = 0
        self._set_deadline(self.patience.body_s, "its body")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._without_progress_bytes = 0
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; from here on it waits for nobody but the application."""
        self._without_progress_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the rest of a body only for a moment, once it is answered."""
        super().on_response_complete()
        if self._deadline is not None and self.cycle.response_complete and self.cycle.more_body:
            self._set_deadline(_ABORT_S, "its body")

    def pause_writing(self) -> None:
        """Look from now on whether the client takes its answer."""
        super().pause_writing()
        self._watch_writing(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Stop looking."""
        if self._stalled is not None:
            self._stalled.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Tell what the parser refuses as a problem document."""
        self._refuse(HTTPStatus.BAD_REQUEST, f"{msg.rstrip('.')}: it is not HTTP/1.1 (RFC 9112)")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, _leavable(cycle, app))

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._set_deadline(self.patience.head_s, "its headers")

    def _set_deadline(self, after_s: float, missing: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(after_s, self._late, missing)

    def _late(self, missing: str) -> None:
        if self.pipeline:  # nothing is read meanwhile, so what is missing may have been sent
            self._set_deadline(self.patience.head_s, missing)
            return
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request came too slowly: {missing} ended too late")

    def _watch_writing(self, before_bytes: int) -> None:
        self._stalled = self.loop.call_later(self.patience.write_s, self._end_if_stalled, before_bytes)

    def _end_if_stalled(self, before_bytes: int) -> None:
        waiting_bytes = self.transport.get_write_buffer_size()
        if before_bytes - waiting_bytes < self.patience.least_write_bytes:
            self._forsake()
            self.transport.abort()
        else:
            self._watch_writing(waiting_bytes)

    def _refuse_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"a request line and its headers have at most {LARGEST_HEAD_BYTES} bytes here",
        )

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer, unless an answer has begun, and close."""
        if self.transport.is_closing():
            return
        if not self.pipeline and (self._is_idle() or not self.cycle.response_started):
            self.transport.write(_raw(status, detail))
        self._forsake()
        self.transport.close()
        self.loop.call_later(_ABORT_S, self.transport.abort)

    def _forsake(self) -> None:
        """Tell the application at once that nobody waits any more; what it still says is dropped."""
        self.pipeline.clear()
        for cycle in (self._running, self.cycle):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()


class _PatientFlow(FlowControl):
    """Reads no further while a request waits for the one before it, whoever asks for it."""

    def __init__(self, transport: asyncio.Transport, waiting: Collection[object]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


def _leavable(cycle: RequestResponseCycle, app: ASGI3Application) -> ASGI3Application:
    """Return an application whose client may be gone, or be left when the server stops, without an error in the log."""

    async def answering(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def passing(message: ASGISendEvent) -> None:
            try:
                await send(message)
                if cycle.response_complete and cycle.flow.write_paused:
                    await cycle.flow.drain()  # until then the application counts its answer as unsent
            except RuntimeError:  # uvloop's word for a connection that is closed, and not yet told to be lost
                if not cycle.transport.is_closing():
                    raise
                cycle.disconnected = True

        try:
            if cycle.flow.write_paused:  # what is made would wait behind what is not sent yet
                await cycle.flow.drain()
            if not cycle.disconnected:
                await app(scope, receive, passing)
        except asyncio.CancelledError:  # the server stops and has waited long enough
            cycle.disconnected = True
            cycle.transport.abort()

    return answering


def bounded_protocol(most_connections: int, patience: Patience = PATIENCE) -> type[BoundedProtocol]:
    """Return the protocol with these bounds, for uvicorn's `http`."""
    return type("BoundedProtocol", (BoundedProtocol,), {"most_connections": most_connections, "patience": patience})


def _raw(status: HTTPStatus, detail: str) -> bytes:
    told = problem("", status, detail)
    headers = b"".join(b"%s: %s\r\n" % header for header in [*told.raw_headers, (b"connection", b"close")])
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, status.phrase.encode(), headers, told.body)
