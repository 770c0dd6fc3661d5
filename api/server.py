"""`api serve`: the application on uvicorn; loopback only, as long as there are no API keys."""

from __future__ import annotations

import gc
import ipaddress
import logging
import socket
import sys
from typing import TYPE_CHECKING, Final, Protocol

import uvicorn

from api.app import build
from api.security.keys import read_keys
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from api.settings import ServeSettings

log = logging.getLogger(__name__)

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
    config = uvicorn.Config(app, log_config=None, access_log=settings.log_requests, timeout_graceful_shutdown=5)
    _Server(config, app.state.feeds).run(sockets=[listening])


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
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
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
