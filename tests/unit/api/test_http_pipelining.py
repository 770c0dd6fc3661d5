"""Requests that wait for others on their connection, and clients that go meanwhile, on a real server."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from eventually import eventually
from fastapi import FastAPI, Request, Response
from served_http import GET, HASTY, HOST, PATIENT, errors, everything, much_told, sent, served
from starlette.types import Receive, Scope, Send

from api.http_protocol import MOST_WAITING


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


def test_no_request_is_begun_before_the_answer_before_it_is_taken(tmp_path: Path) -> None:
    begun: list[int] = []
    app = FastAPI()

    @app.get("/")
    async def much() -> Response:
        begun.append(1)
        return Response(b"x" * 10_000_000)

    with served(tmp_path, PATIENT, app) as api, api.connected() as connection:
        connection.sendall(GET * 2 + GET.replace(HOST, HOST + b"Connection: close\r\n"))
        assert connection.recv(9) == b"HTTP/1.1 "
        time.sleep(0.3)
        assert len(begun) == 1
        assert len(everything(connection)) > 30_000_000
        assert len(begun) == 3


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
