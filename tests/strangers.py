"""Receivers of notifications that answer what no receiver should, in threads of their own: real sockets, real TLS."""

from __future__ import annotations

import os
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, socket
from typing import Final

from certificates import Certificates, serving_tls

_MOST_FLOOD: Final = 2_000
"""Pieces of an answer without end: bounded, also where nobody hangs up."""

Harm = Callable[[socket], None]


def _says(*parts: bytes) -> Harm:
    def say(connection: socket) -> None:
        for part in parts:
            connection.sendall(part)

    return say


def _beside_tls(data: bytes) -> Harm:
    """Return what writes on the connection itself, past its TLS."""

    def write(connection: socket) -> None:
        os.write(connection.fileno(), data)

    return write


def _endless(beginning: bytes, piece: bytes) -> Harm:
    return _says(beginning, *[piece] * _MOST_FLOOD)


_TICKETS: Final = 1_000
"""Of TLS 1.3, of 250 bytes each: 250 kB that follow on a handshake."""
_COOKIES: Final = b"".join(b"set-cookie: c%d=%s\r\n" % (number, b"v" * 8) for number in range(3_500))

HARMS: Final[dict[str, Harm]] = {
    "redirect-to-no-name": _says(b"HTTP/1.1 302 X\r\nlocation: http://xn--/\r\ncontent-length: 0\r\n\r\n"),
    "endless-informational": _endless(b"", b"HTTP/1.1 100 C\r\n\r\n" * 3_000),
    "megabytes-of-headers": _endless(b"HTTP/1.1 200 OK\r\n", b"a:b\r\n" * 10_000),
    "cookies": _says(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n" + _COOKIES + b"\r\n"),
    "no-http": _says(b"\x00\xff" * 1_000),
    "odd-status": _says(b"HTTP/1.1 999 \xff\r\ntransfer-encoding: chunked\r\n\r\nz\r\n"),
    "tls-plain-text": _beside_tls(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "tls-bad-record": _beside_tls(b"\x17\x03\x03\x00\x20" + b"x" * 32),
    "tls-endless-tickets": _says(),
    "tls-hanging-up": lambda connection: connection.shutdown(SHUT_RDWR),
}
"""What each does once it was asked; those whose names begin with tls- speak TLS."""


class Stranger(socketserver.ThreadingTCPServer):
    """Reads a request, does its harm, and counts how often somebody came."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, harm: Harm, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.harm, self.tls = harm, tls
        self.visits = 0
        self.port = int(self.server_address[1])


class _Handler(socketserver.BaseRequestHandler):
    server: Stranger

    def handle(self) -> None:
        self.server.visits += 1
        with suppress(OSError):  # whoever asked has gone
            connection = self.request
            if self.server.tls is not None:
                connection = self.server.tls.wrap_socket(connection, server_side=True)
            while b"\r\n\r\n" not in connection.recv(65_536):
                pass
            self.server.harm(connection)
            connection.recv(65_536)  # until whoever asked has had enough


@contextmanager
def strangers(made: Certificates) -> Iterator[dict[str, Stranger]]:
    """Serve one of each kind."""
    servers = {name: Stranger(harm, _tls_of(name, made)) for name, harm in HARMS.items()}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield servers
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()


def _tls_of(name: str, made: Certificates) -> ssl.SSLContext | None:
    if not name.startswith("tls-"):
        return None
    tls = serving_tls(made)
    if name == "tls-endless-tickets":
        tls.num_tickets = _TICKETS
    return tls
