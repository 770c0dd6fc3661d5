"""A real server of the API in a thread, and what its tests say to it byte by byte."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from eventually import eventually
from fastapi import FastAPI, Response

from api.app import build
from api.http_protocol import BoundedProtocol, Patience
from api.server import configured
from api.settings import ServeSettings

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /v1/alerts/a/notes HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
HASTY = Patience(head_s=0.3, body_s=0.3, write_s=0.3)
PATIENT = Patience(head_s=60, body_s=60, write_s=60)
"""So that what ends a connection in a test is the bound that is tested."""


class Served(NamedTuple):
    server: uvicorn.Server

    @property
    def port(self) -> int:
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            yield connection

    def has_connections(self) -> bool:
        return bool(self.server.server_state.connections)

    def connections(self) -> list[BoundedProtocol]:
        return [one for one in self.server.server_state.connections.copy() if isinstance(one, BoundedProtocol)]


@contextmanager
def served(folder: Path, patience: Patience, app: FastAPI | None = None, **given: Any) -> Iterator[Served]:
    settings = ServeSettings(
        store=f"sqlite:///{folder}/serving.db", bootstrap="127.0.0.1:1", views=folder, keys=folder / "keys.json",
        audit=folder / "audit.jsonl", port=0, **given,
    )  # fmt: skip
    config = configured(app or build(settings), settings, patience)
    config.port = 0
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield Served(server)
    finally:
        server.should_exit = True
        thread.join()


def everything(connection: socket.socket) -> bytes:
    """Read until the other side closes; a reset is a close."""
    received = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


def refused(answer: bytes, status: int) -> str:
    """Take the answer apart, and return what a problem document tells."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    told = json.loads(body)
    assert told["status"] == status
    return str(told["detail"])


def sent(connection: socket.socket, *pieces: bytes, most: int = 1) -> int:
    """Send pieces over and over; return how many bytes were taken before the other side had enough."""
    total = 0
    with suppress(ConnectionError):
        for _ in range(most):
            for piece in pieces:
                connection.sendall(piece)
                total += len(piece)
    return total


def much_told(length: int) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def much() -> Response:
        return Response(b"x" * length)

    return app


@contextmanager
def errors() -> Iterator[list[str]]:
    """Yield what is logged as an error, whatever another test has told logging."""
    told: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(f"{record.getMessage()} {record.exc_info}")

    kept, loggers = Kept(logging.ERROR), [logging.getLogger(name) for name in ("uvicorn.error", "asyncio", "api")]
    for logger in loggers:
        logger.addHandler(kept)
    try:
        yield told
    finally:
        for logger in loggers:
            logger.removeHandler(kept)
