from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from eventually import eventually
from serving import NOW_MS, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, project
from sqlalchemy import Engine

from api.app import build
from api.client import commands
from api.client.commands import events
from api.security.keys import added, write_keys
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
    key, keys = added([], "ann", "viewer", sees_positions=False, at_ms=NOW_MS)
    write_keys(tmp_path / "keys.json", keys)
    with pytest.raises(InvalidInput, match="--key"):
        commands.attention(AttentionAsked(server=server))
    commands.attention(AttentionAsked(server=server, key=key))


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "nonsense", "http://[::1", "ftp://x"])
def test_where_nobody_answers_the_remedy_is_named(server: str) -> None:
    for asked in (AlertsAsked(server=server), AlertsAsked(server=server, follow=True)):
        with pytest.raises(Unavailable, match="--server"):
            commands.alerts(asked)


def test_blocks_of_a_stream_are_read_whole() -> None:
    lines = ["retry: 1000", ": alive", "id: 1", "", "event: alert", "id: 2", 'data: {"a": ":"}', "", "event: half"]
    assert list(events(lines)) == [("1", "", ""), ("2", "alert", '{"a": ":"}')]
