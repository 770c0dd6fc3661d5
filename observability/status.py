"""A program's status over HTTP on loopback: /health/live, /health/ready, /metrics. In a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from contracts.errors import InvalidInput

OK: Final = 200
NOT_READY: Final = 503
NOT_FOUND: Final = 404


def serve_status(
    port: int, *, is_ready: Callable[[], bool], registry: CollectorRegistry = REGISTRY, host: str = "127.0.0.1"
) -> ThreadingHTTPServer:
    """Serve until the process ends or `shutdown()` is called; port 0 takes a free one (`server_port` tells it).

    Raises InvalidInput when the port cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(OK, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif self.path == "/health/live":
                self._answer(OK, b"alive\n")
            elif self.path == "/health/ready":
                ready = is_ready()
                self._answer(OK if ready else NOT_READY, b"ready\n" if ready else b"not ready\n")
            else:
                self._answer(NOT_FOUND, b"try /metrics, /health/live or /health/ready\n")

        def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked did not wait for the answer
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a scrape every few seconds is no event."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise InvalidInput(
            f"no status at {host}:{port} ({error.strerror}): give another --status-port, or 0 for a free one"
        ) from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="status", daemon=True).start()
    return server
