"""What hostile clients send byte by byte, on a real server: each is refused in bounded time and memory."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from eventually import eventually
from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from api.app import build
from api.http_protocol import LARGEST_HEAD_BYTES, MOST_WAITING, PATIENCE, BoundedProtocol, Patience
from api.server import configured
from api.settings import ServeSettings

HOST = b"Host: localhost\r\n"
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


def test_a_request_within_the_bounds_is_answered(tmp_path: Path) -> None:
    with served(tmp_path, PATIENCE) as api, api.connected() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 20_000 + b"\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET / HTTP/1.1\r\n" + HOST, b"X-%d: 1\r\n" * 500),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: ", b"x" * 65536),
        (b"GET /", b"x" * 65536),
        (b"", b"\r\n" * 5000),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX: ", b"x" * 65536),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;x=", b"x" * 65536),
    ],
    ids=["headers", "header value", "address", "empty lines", "trailer", "chunk extension"],
)
def test_a_head_without_end_is_refused_after_32_kib(tmp_path: Path, begin: bytes, piece: bytes) -> None:
    with served(tmp_path, PATIENT) as api, api.connected() as connection:
        connection.sendall(begin)
        assert sent(connection, piece, most=1000) < 20_000_000
        answer = everything(connection)
        assert not answer or refused(answer, 431)


def test_a_large_head_that_comes_at_once_is_refused_and_told(tmp_path: Path) -> None:
    with served(tmp_path, PATIENT) as api, api.connected() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST + b"X: " + b"x" * LARGEST_HEAD_BYTES + b"\r\n\r\n")
        assert str(LARGEST_HEAD_BYTES) in refused(everything(connection), 431)


@pytest.mark.parametrize(
    ("begun", "missing"),
    [
        (b"", "headers"),
        (b"GET / HT", "headers"),
        (b"GET / HTTP/1.1\r\nHost: loc", "headers"),
        (POST + b"Content-Length: 100\r\n\r\n", "body"),
        (POST + b"Content-Length: 100\r\n\r\n{", "body"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", "body"),
    ],
)
def test_half_a_request_ends_in_408(tmp_path: Path, begun: bytes, missing: str) -> None:
    with served(tmp_path, HASTY) as api, api.connected() as connection:
        connection.sendall(begun)
        assert missing in refused(everything(connection), 408)


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", POST + b"Content-Length: 60000\r\n\r\n"])
def test_a_trickle_buys_no_time(tmp_path: Path, begun: bytes) -> None:
    with served(tmp_path, HASTY) as api, api.connected() as connection:
        connection.sendall(begun)
        for _ in range(600):
            if not sent(connection, b"x"):
                break
            time.sleep(0.05)
        else:
            pytest.fail("a byte each 50 ms was taken for 30 s")


def test_an_idle_connection_that_sends_empty_lines_is_ended(tmp_path: Path) -> None:
    with served(tmp_path, HASTY) as api, api.connected() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"\r\n")
        assert "headers" in refused(everything(connection), 408)


def test_a_body_that_goes_on_after_its_answer_is_not_taken_for_long(tmp_path: Path) -> None:
    with served(tmp_path, PATIENT) as api, api.connected() as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(600):
            if not sent(connection, b"8000\r\n" + b"x" * 0x8000 + b"\r\n"):
                break
            time.sleep(0.05)
        else:
            pytest.fail("a body without end was taken for 30 s")


def test_an_answer_that_nobody_takes_is_dropped(tmp_path: Path) -> None:
    with served(tmp_path, HASTY, much_told(50_000_000)) as api, api.connected() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert connection.recv(9) == b"HTTP/1.1 "
        eventually(lambda: not api.has_connections(), within_s=30)


def much_told(length: int) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def much() -> Response:
        return Response(b"x" * length)

    return app


def test_a_slow_reader_that_goes_on_reading_gets_all(tmp_path: Path) -> None:
    patience = HASTY._replace(write_s=2, least_write_bytes=1)
    with served(tmp_path, patience, much_told(8_000_000)) as api, api.connected() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        received = 0
        while piece := connection.recv(400_000):
            received += len(piece)
            time.sleep(0.02)
        assert received > 8_000_000


def test_one_connection_more_than_may_be_is_told(tmp_path: Path) -> None:
    with served(tmp_path, PATIENT, most_connections=8) as api:
        held = [socket.create_connection(("127.0.0.1", api.port), timeout=30) for _ in range(8)]
        try:
            with api.connected() as connection:
                assert "--most-connections" in refused(everything(connection), 503)
        finally:
            for one in held:
                one.close()

        def answered() -> bool:
            with api.connected() as connection:
                connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
                return everything(connection).startswith(b"HTTP/1.1 200 ")

        eventually(answered)


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"{}\r\n\r\n"])
def test_what_is_no_http_is_told_as_a_problem(tmp_path: Path, garbage: bytes) -> None:
    with served(tmp_path, PATIENT) as api, api.connected() as connection:
        connection.sendall(garbage)
        assert "RFC 9112" in refused(everything(connection), 400)


FORWARDED = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 198.51.100.7, 127.0.0.1\r\n"


@pytest.mark.parametrize(
    ("proxies", "client"),
    [
        ([], "127.0.0.1"), (["10.0.0.0/8"], "127.0.0.1"), (["127.0.0.1"], "198.51.100.7"),
        (["127.0.0.0/8"], "198.51.100.7"),
    ],
)  # fmt: skip
def test_only_named_proxies_are_believed_who_asks(tmp_path: Path, proxies: list[str], client: str) -> None:
    with served(tmp_path, PATIENT, trusted_proxies=proxies) as api, api.connected() as connection:
        connection.sendall(POST + FORWARDED + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
        assert everything(connection).startswith(b"HTTP/1.1 422 ")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["from"] for line in lines] == [client, client]


@pytest.mark.parametrize("hosts", [b"", HOST * 2, HOST + b"Host: evil.example\r\n"])
def test_a_request_names_one_host(tmp_path: Path, hosts: bytes) -> None:
    with served(tmp_path, PATIENT) as api, api.connected() as connection:
        connection.sendall(b"GET /v1/rules HTTP/1.1\r\n" + hosts + b"\r\n")
        assert b"HTTP/1.1 400 " in connection.recv(65536)


def test_a_key_in_the_address_is_in_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever a server that another test started as a user would has told uvicorn of logging, in all of this process.
    out, access = io.StringIO(), logging.getLogger("uvicorn.access")
    monkeypatch.setattr(access, "handlers", [logging.StreamHandler(out)])
    monkeypatch.setattr(access, "propagate", False)
    access.setLevel(logging.INFO)
    with served(tmp_path, PATIENT, log_requests=True) as api:
        for query in (b"api_key=cc_secret", b"api%5Fkey=cc_secret", b"x=%00cc_secret"):
            with api.connected() as connection:
                connection.sendall(b"GET /v1/rules?" + query + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
                assert everything(connection)
    told = out.getvalue().splitlines()
    assert sum("GET /v1/rules HTTP/1.1" in one for one in told) == 3
    assert not any("secret" in one for one in told)


GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


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


def held(until: threading.Event, asked: threading.Event | None = None) -> FastAPI:
    """Return an application that answers when it may; its paths are counted in `state`."""
    app = FastAPI()
    app.state.paths = []

    @app.get("/{path:path}")
    async def wait(path: str, request: Request) -> str:
        app.state.paths.append(path)
        await request.body()
        if asked is not None:
            asked.set()
        while not until.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)
        return path

    return app


def test_requests_that_wait_on_a_connection_are_few_and_one_more_ends_it(tmp_path: Path) -> None:
    until = threading.Event()
    with served(tmp_path, PATIENT, held(until)) as api, api.connected() as connection:
        assert sent(connection, GET * 2500, most=1000) < 20_000_000
        assert everything(connection) == b""
        eventually(lambda: not api.has_connections())
        until.set()


def test_requests_sent_ahead_and_never_read_take_no_memory(tmp_path: Path) -> None:
    with served(tmp_path, PATIENT) as api, api.connected() as connection:
        most = 0
        for _ in range(1000):
            if not sent(connection, GET * 2500):
                break
            most = max([most, *(len(one.pipeline) for one in api.connections())])
        else:
            pytest.fail("75 MB of requests were taken")
        assert most <= MOST_WAITING
        eventually(lambda: not api.has_connections())


def test_a_few_requests_sent_ahead_are_answered_in_their_order(tmp_path: Path) -> None:
    until = threading.Event()
    until.set()
    with served(tmp_path, PATIENT, held(until)) as api, api.connected() as connection:
        numbers = range(MOST_WAITING)
        connection.sendall(b"".join(GET.replace(b"/ ", b"/n%02d " % n) for n in numbers[:-1]))
        connection.sendall(GET.replace(b"/ ", b"/n%02d " % numbers[-1]).replace(HOST, HOST + b"Connection: close\r\n"))
        assert re.findall(rb'"n(\d\d)"', everything(connection)) == [b"%02d" % n for n in numbers]


def test_nothing_is_read_while_a_request_waits_for_another(tmp_path: Path) -> None:
    until, asked = threading.Event(), threading.Event()
    with served(tmp_path, PATIENT, held(until, asked)) as api, api.connected() as connection:
        connection.sendall(GET * 3)
        assert asked.wait(30)  # the first has asked for its body, which uvicorn takes as leave to read on
        [one] = api.connections()
        assert (len(one.pipeline), one.flow.read_paused) == (2, True)
        until.set()
        eventually(lambda: not one.pipeline and not one.flow.read_paused)


def test_a_request_that_waits_behind_a_slow_one_is_not_late(tmp_path: Path) -> None:
    until = threading.Event()
    with served(tmp_path, HASTY, held(until)) as api, api.connected() as connection:
        connection.sendall(GET * 2 + b"GET /last HTTP/1.1\r\n")
        time.sleep(1)  # three times as long as a head may take
        until.set()
        connection.sendall(HOST + b"Connection: close\r\n\r\n")
        assert b'"last"' in everything(connection)


def test_what_waits_is_forgotten_with_its_client(tmp_path: Path) -> None:
    until, asked = threading.Event(), threading.Event()
    app = held(until, asked)
    with errors() as told, served(tmp_path, PATIENT, app) as api:
        with api.connected() as connection:
            connection.sendall(GET * 3)
            assert asked.wait(30)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until.set()
        eventually(lambda: not api.has_connections() and not api.server.server_state.tasks)
    assert told == []


@pytest.mark.parametrize("requests", [1, 3])
def test_a_client_that_goes_in_the_middle_of_its_answer_is_no_error(tmp_path: Path, requests: int) -> None:
    with errors() as told, served(tmp_path, PATIENT, dripping()) as api:
        for _ in range(20):
            with api.connected() as connection:
                connection.sendall(GET * requests)
                assert connection.recv(9) == b"HTTP/1.1 "
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        eventually(lambda: not api.server.server_state.tasks)
    assert told == []


def dripping() -> FastAPI:
    """Return an application whose answers are long, and which never asks whether its client is there."""
    app = FastAPI()

    class Endless(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(2_000):
                await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
                await asyncio.sleep(0)

    @app.get("/")
    async def endless() -> Response:
        return Endless()

    return app


def test_a_shutdown_does_not_call_slow_clients_errors(tmp_path: Path) -> None:
    with errors() as told, served(tmp_path, PATIENT, much_told(50_000_000)) as api:
        api.server.config.timeout_graceful_shutdown = 1
        held_open = [socket.create_connection(("127.0.0.1", api.port), timeout=30) for _ in range(5)]
        for one in held_open:
            one.sendall(GET)
            assert one.recv(9) == b"HTTP/1.1 "
        api.server.should_exit = True
        eventually(lambda: not api.server.server_state.tasks, within_s=30)
        for one in held_open:
            one.close()
    assert told == []


TRAILERS = b"X-Forwarded-For: 203.0.113.7\r\nX-API-Key: stolen\r\nContent-Type: application/json\r\n"


def test_trailers_are_no_headers(tmp_path: Path) -> None:
    post = POST.replace(b"Content-Type: application/json\r\n", b"") + b"Connection: close\r\n"
    chunked = post + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    with served(tmp_path, PATIENT, trusted_proxies=["127.0.0.1"]) as api, api.connected() as connection:
        connection.sendall(chunked + TRAILERS + b"\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 415 ")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {line["from"] for line in lines} == {"127.0.0.1"}


@pytest.mark.parametrize(
    "forwarded", ["unknown", "_hidden", "ann", "203.0.113.7;x", "203.0.113.300", "fe80::1%x y", "x" * 5_000, ""]
)
def test_what_is_no_address_is_not_taken_for_one_from_a_proxy_either(tmp_path: Path, forwarded: str) -> None:
    with served(tmp_path, PATIENT, trusted_proxies=["127.0.0.1"]) as api, api.connected() as connection:
        header = f"X-Forwarded-For: {forwarded}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        connection.sendall(POST + header.encode())
        everything(connection)
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {line["from"] for line in lines} == {"127.0.0.1"}
