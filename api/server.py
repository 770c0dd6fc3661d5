"""`api serve`: the application on uvicorn; loopback only, as long as there are no API keys."""

from __future__ import annotations

import gc
import logging
import resource
import socket
import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

import uvicorn

from api.app import build
from api.forwarded import ForwardedAddress
from api.http_protocol import PATIENCE, bounded_protocol
from api.security.keys import read_keys
from contracts.errors import InvalidInput
from observability.cross_site import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from fastapi import FastAPI

    from api.http_protocol import Patience
    from api.settings import ServeSettings

log = logging.getLogger(__name__)

_OTHER_FILES: Final = 256
"""What is open beside connections: store, Kafka, views."""
_INVALID_EVERY_S: Final = 60.0
UNREAD_MS: Final = 30_000
"""The system cuts a connection whose client has taken nothing of what waits for it for so long."""


def serve(settings: ServeSettings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises InvalidInput: an address that is not loopback, or a port that is taken."""
    if not settings.behind_loopback and not read_keys(settings.keys):
        refuse_open_address(settings.host)
    # Answers are made in threads; the loop that sends them waits for the interpreter no longer than this.
    sys.setswitchinterval(0.001)
    app = build(settings)
    # What is there by now stays: the collector need not look into it again while somebody waits for an answer.
    gc.collect()
    gc.freeze()
    listening = listen(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    log.info("api listens", extra={"url": f"http://{host}:{port}/"})
    _Server(configured(app, settings), app.state.feeds).run(sockets=[listening])


def configured(app: FastAPI, settings: ServeSettings, patience: Patience = PATIENCE) -> uvicorn.Config:
    """Return how uvicorn serves an application: bounded, and believing the headers of named proxies only."""
    logging.getLogger("uvicorn.access").addFilter(without_query)
    logging.getLogger("uvicorn.error").addFilter(left_is_no_error)
    logging.getLogger("uvicorn.error").addFilter(InvalidRequestsAtTimes())
    return uvicorn.Config(
        ForwardedAddress(app, settings.trusted_proxies) if settings.trusted_proxies else app,
        http=bounded_protocol(_room(settings.most_connections), patience),
        ws="none",
        log_config=None,
        access_log=settings.log_requests,
        proxy_headers=False,  # `ForwardedAddress` reads them
        timeout_graceful_shutdown=5,
    )


def _room(connections: int) -> int:
    """Return for how many connections there are file descriptors, after asking for enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(connections, max(1, soft - _OTHER_FILES))


def without_query(record: logging.LogRecord) -> bool:
    """Take the query out of a line of uvicorn's access log, where somebody may have put a key."""
    if isinstance(record.args, tuple) and len(record.args) == 5:  # noqa: PLR2004 - client, method, path, version, status
        client, method, path, version, status = record.args
        record.args = (client, method, str(path).partition("?")[0], version, status)
    return True


def left_is_no_error(record: logging.LogRecord) -> bool:
    """Make a warning of what uvicorn says when it stops and a client has not taken its answer yet."""
    if str(record.msg).startswith("Cancel %s running task"):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


class InvalidRequestsAtTimes(logging.Filter):
    """Lets one line a minute say that requests were not HTTP, and how many since the last: anybody can send them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the next one; `clock` gives seconds."""
        super().__init__()
        self._clock = clock
        self._due_s = float("-inf")
        self._requests = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written."""
        if record.msg != "Invalid HTTP request received.":
            return True
        self._requests += 1
        if self._clock() < self._due_s:
            return False
        record.requests = self._requests
        self._requests, self._due_s = 0, self._clock() + _INVALID_EVERY_S
        return True


class Endable(Protocol):
    """Streams that end when they are told to."""

    def end(self) -> None:
        """End all of them soon."""


class _Server(uvicorn.Server):
    """Ends the streams when it is told to stop; it would wait for them."""

    def __init__(self, config: uvicorn.Config, feeds: Sequence[Endable]) -> None:
        super().__init__(config)
        self._feeds = feeds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        for feed in self._feeds:
            feed.end()
        super().handle_exit(sig, frame)


def refuse_open_address(host: str) -> None:
    """Raise InvalidInput for an address that other machines can reach: without keys anybody could read positions."""
    if not is_loopback(host):
        raise InvalidInput(
            f"--host {host}: without API keys the API listens on loopback only; "
            "use --host 127.0.0.1, or make a key first: api keys add NAME --role operator"
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises InvalidInput."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InvalidInput(
            f"--port {port}: cannot listen there ({error.strerror}); choose another, or 0 for a free one"
        ) from error
    if sys.platform == "linux":  # connections that are accepted inherit it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
    return listening
