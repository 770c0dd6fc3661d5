from __future__ import annotations

import itertools
import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from eventually import eventually
from keyed_api import a_key
from serving import NOW_MS, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, project
from sqlalchemy import Engine

from api.app import build
from api.client import commands
from api.client.commands import events
from api.settings import AlertsAsked, AttentionAsked, RankingAsked, RouteAsked, ServeSettings
from contracts.errors import InvalidInput, Unavailable


@pytest.fixture
def server(url: str, store: Engine, topics: Topics, tmp_path: Path) -> Iterator[str]:
    project(store, topics.vehicle(a_vehicle()), topics.alert(an_alert("a", severity="critical")))
    project(store, *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=3)))
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", keys=tmp_path / "keys.json")
    app = build(settings, clock=lambda: NOW_MS)
    serving = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=serving.run)
    thread.start()
    eventually(lambda: serving.started)
    yield f"http://127.0.0.1:{serving.servers[0].sockets[0].getsockname()[1]}"
    for feed in app.state.feeds:
        feed.end()
    serving.should_exit = True
    thread.join()


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_attention_is_a_table_for_people_and_json_for_scripts(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands.attention(AttentionAsked(server=server))
    told = capsys.readouterr().out
    assert "1 vehicles need attention" in told
    assert VIN in told
    commands.attention(AttentionAsked(server=server, as_json=True))
    assert json.loads(capsys.readouterr().out)["vehicles"][0]["vehicle_id"] == VIN


def test_a_ranking_is_shown_with_its_figures(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands.ranking(RankingAsked(server=server, scope="fleet"))
    told = capsys.readouterr().out
    assert "north" in told
    assert "8.89" in told


def test_alerts_are_listed(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands.alerts(AlertsAsked(server=server, open=True, fleet="north"))
    assert "critical" in capsys.readouterr().out
    commands.alerts(AlertsAsked(server=server, severity="info"))
    assert "critical" not in capsys.readouterr().out


def test_a_route_is_shown_with_the_others_beside_it(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands.route(RouteAsked(server=server, start="39.7434,-104.9847", end="39.7527,-105.0001", by="time"))
    told = capsys.readouterr().out
    assert all(measure in told for measure in ("time", "fuel", "distance"))


def test_followed_alerts_come_as_lines(server: str, store: Engine, topics: Topics, tmp_path: Path) -> None:
    asked = ("--server", server, "--follow", "--json", "--severity", "critical")
    heard, numbers = tmp_path / "heard.jsonl", itertools.count()
    with heard.open("wb") as told:
        following = subprocess.Popen([sys.executable, "-m", "api", "alerts", *asked], stdout=told)

    def is_heard() -> bool:
        project(store, topics.alert(an_alert(f"b{next(numbers)}", severity="critical")))
        return b"\n" in heard.read_bytes()

    try:
        eventually(is_heard, within_s=30, every_s=0.25)
    finally:
        following.terminate()
        following.wait()
    assert json.loads(heard.read_bytes().splitlines()[0])["alert_id"].startswith("b")


def test_what_the_api_refuses_is_told_in_its_words(server: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="2026-11-21"):
        commands.ranking(RankingAsked(server=server, period_kind="day", period="yesterday"))
    key = a_key(tmp_path / "keys.json")
    with pytest.raises(InvalidInput, match="--key"):
        commands.attention(AttentionAsked(server=server))
    commands.attention(AttentionAsked(server=server, key=key))


@pytest.mark.parametrize(
    "server",
    [
        "http://127.0.0.1:1",
        "nonsense",
        "http://[::1",
        "ftp://x",
        "http://127.0.0.1:99999",
        f"http://{'a' * 70}.example",
    ],
)
def test_where_nobody_answers_the_remedy_is_named(server: str) -> None:
    for asked in (AlertsAsked(server=server), AlertsAsked(server=server, follow=True)):
        with pytest.raises(Unavailable, match="--server"):
            commands.alerts(asked)


def test_blocks_of_a_stream_are_read_whole() -> None:
    lines = ["retry: 1000", ": alive", "id: 1", "", "event: alert", "id: 2", 'data: {"a": ":"}', "", "event: half"]
    assert list(events(lines)) == [("1", "", ""), ("2", "alert", '{"a": ":"}')]


@contextmanager
def another(answer: bytes) -> Iterator[str]:
    """Serve these bytes, whatever is asked."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def http(status: str, kind: str, body: bytes, *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


def asked_of(server: str) -> list[Callable[[], None]]:
    return [
        lambda: commands.attention(AttentionAsked(server=server)),
        lambda: commands.ranking(RankingAsked(server=server)),
        lambda: commands.route(RouteAsked(server=server, start="1,1", end="2,2")),
        lambda: commands.alerts(AlertsAsked(server=server)),
        lambda: commands.alerts(AlertsAsked(server=server, follow=True)),
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (http("307 Temporary Redirect", "text/html", b"", "Location: https://x.example/"), "307 text/html to http"),
        (http("304 Not Modified", "text/html", b""), "304"),
        (http("200 OK", "text/html", b"<html>\n<p>"), "200 text/html"),
        (http("200 OK", "application/json", b""), "200 application/json"),
        (http("200 OK", "application/json", b"[" * 100_000), "200 application/json"),
        (http("200 OK", "application/json", b"\xff"), "200 application/json"),
        (http("502 Bad Gateway", "text/html", b"<html>\n\n<p>"), "502: <html> <p>"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\nno gzip", "--server"),
        (b"no HTTP at all\r\n\r\n", "--server"),
    ],
)
def test_what_is_not_the_api_is_told_in_one_line(answer: bytes, told: str) -> None:
    with another(answer) as server:
        for ask in asked_of(server)[: 4 if b"event-stream" in answer else 5]:
            with pytest.raises(Unavailable) as raised:
                ask()
            assert server in str(raised.value)
            assert told in str(raised.value)
            assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"{}", b'"x"', b"5", b'{"alerts": 5}', b'{"alerts": [{"raised_at_ms": 1e99}]}']
)
def test_json_of_another_form_is_no_defect(body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with another(http("200 OK", "application/json", body)) as server:
        for ask in asked_of(server)[:4]:
            with pytest.raises(Unavailable, match=r"JSON of another form .*--server"):
                ask()
        commands.attention(AttentionAsked(server=server, as_json=True))
    assert json.loads(capsys.readouterr().out) == json.loads(body)


@pytest.mark.parametrize("data", ["{", "5", "{}", '{"state": 1}', "[" * 100_000])
def test_an_event_of_another_form_ends_following_with_the_remedy(data: str) -> None:
    body = f"event: alert\nid: 1\ndata: {data}\n\n".encode()
    with (
        another(http("200 OK", "text/event-stream; charset=utf-8", body)) as server,
        pytest.raises(Unavailable, match=r"an alert of another form .*--server"),
    ):
        commands.alerts(AlertsAsked(server=server, follow=True))


def test_a_program_that_meets_another_server_ends_with_3_and_one_line() -> None:
    with another(http("307 Temporary Redirect", "text/html", b"", "Location: /login")) as server:
        command = [sys.executable, "-m", "api", "attention", "--server", server]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr.splitlines() == [
        f"api: {server} does not answer as the API does: it sent 307 text/html to /login; see --server"
    ]


def test_a_key_that_no_header_takes_is_named() -> None:
    with pytest.raises(InvalidInput, match="--key"):
        commands.attention(AttentionAsked(server="http://127.0.0.1:1", key="ключ"))
