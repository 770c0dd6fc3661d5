"""What hostile clients send byte by byte, on a real server: each is refused in bounded time and memory."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from pathlib import Path

import pytest
from eventually import eventually
from fastapi import FastAPI, Response
from served_http import GET, HASTY, HOST, PATIENT, POST, everything, much_told, refused, sent, served
from starlette.background import BackgroundTask

from api.http_protocol import LARGEST_HEAD_BYTES, PATIENCE
from api.server import InvalidRequestsAtTimes


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


def test_an_answer_is_given_only_when_it_is_taken(tmp_path: Path) -> None:
    app, given = FastAPI(), threading.Event()

    @app.get("/")
    async def much() -> Response:
        return Response(b"x" * 10_000_000, background=BackgroundTask(given.set))

    with served(tmp_path, PATIENT, app) as api, api.connected() as connection:
        connection.sendall(GET.replace(HOST, HOST + b"Connection: close\r\n"))
        assert connection.recv(9) == b"HTTP/1.1 "
        assert not given.wait(0.3)
        assert len(everything(connection)) > 10_000_000
        assert given.wait(30)


def test_the_system_holds_little_of_an_answer_so_that_slow_reading_is_seen(tmp_path: Path) -> None:
    with served(tmp_path, PATIENT, much_told(10_000_000)) as api, api.connected() as connection:
        connection.sendall(GET)
        assert connection.recv(9) == b"HTTP/1.1 "
        [one] = api.connections()
        # It grows to megabytes by itself, of which a third must be read before the system says that any was.
        held = one.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert held <= 256 * 1024


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


def test_the_log_has_a_line_a_minute_of_requests_that_are_not_http() -> None:
    now_s = 100.0
    at_times = InvalidRequestsAtTimes(lambda: now_s)

    def told(message: str) -> logging.LogRecord | None:
        record = logging.makeLogRecord({"msg": message})
        return record if at_times.filter(record) else None

    written = [told("Invalid HTTP request received.") for _ in range(1_000)]
    assert [vars(one)["requests"] for one in written if one] == [1]
    assert told("another") is not None
    now_s += 60
    assert vars(told("Invalid HTTP request received.") or now_s)["requests"] == 1_000
