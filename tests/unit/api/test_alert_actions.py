from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, Topics, an_alert, project
from sqlalchemy import Engine

from api.answers.action import Note
from api.app import build
from api.settings import ServeSettings
from contracts.alert import AlertAction
from contracts.errors import Unavailable


class Log:
    """Takes actions as Kafka does; a projector applies them at once, unless it is away."""

    def __init__(self, store: Engine, topics: Topics) -> None:
        self._store = store
        self._topics = topics
        self.written: list[AlertAction] = []
        self.is_projected = True
        self.is_away = False

    async def write(self, action: AlertAction) -> None:
        if self.is_away:
            raise Unavailable("no Kafka")
        self.written.append(action)
        if self.is_projected:
            project(self._store, self._topics.action(action))

    async def close(self) -> None:
        pass


@pytest.fixture
def log(store: Engine, topics: Topics) -> Log:
    return Log(store, topics)


@pytest.fixture
def client(url: str, tmp_path: Path, log: Log) -> Iterator[TestClient]:
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", action_wait=0.2)
    with TestClient(build(settings, clock=lambda: NOW_MS, action_log=log)) as client:
        yield client


@pytest.fixture(autouse=True)
def _raised(store: Engine, topics: Topics) -> None:
    project(store, topics.alert(an_alert("a")))


def posted(client: TestClient, path: str, **sent: Any) -> Any:
    response = client.post(f"/v1/alerts/{path}", json={"by": "ann"} | sent)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_acknowledged_alert_needs_nobody_and_stays_open(client: TestClient, log: Log) -> None:
    answer = posted(client, "a/acknowledge", note="seen")
    assert (answer["needs_attention"], answer["is_open"], answer["acknowledged_by"]) == (False, True, "ann")
    assert [(action["action"], action["by"], action["note"]) for action in answer["actions"]] == [
        ("acknowledge", "ann", "seen")
    ]
    (written,) = log.written
    assert (written.alert_id, written.action, written.at_ms) == ("a", "acknowledge", NOW_MS)


def test_an_escalation_after_an_acknowledgement_asks_for_attention_again(
    client: TestClient, store: Engine, topics: Topics
) -> None:
    posted(client, "a/acknowledge")
    project(store, topics.alert(an_alert("a", 2, state="escalated", severity="critical"), at_ms=NOW_MS + 90))
    answer = client.get("/v1/alerts/a").json()
    assert (answer["needs_attention"], answer["acknowledged_by"]) == (True, "ann")
    assert [item["needs_attention"] for item in client.get("/v1/attention").json()["vehicles"]] == [True]


@pytest.mark.parametrize("sent", [{}, {"force": True}, {"note": "fine"}])
def test_an_episode_that_goes_on_is_not_resolved_without_force_and_note(
    client: TestClient, log: Log, sent: dict[str, Any]
) -> None:
    response = client.post("/v1/alerts/a/resolve", json={"by": "ann"} | sent)
    assert (response.status_code, response.headers["content-type"]) == (409, "application/problem+json")
    assert "force" in response.json()["detail"]
    assert log.written == []


def test_force_and_a_note_close_an_episode_that_goes_on(client: TestClient) -> None:
    answer = posted(client, "a/resolve", force=True, note="towed")
    assert (answer["is_open"], answer["resolved_by"], answer["state"]) == (False, "ann", "raised")
    assert client.get("/v1/attention").json()["vehicles"] == []


def test_an_episode_that_is_over_is_resolved_without_force(client: TestClient, store: Engine, topics: Topics) -> None:
    project(store, topics.alert(an_alert("a", 2, state="cleared", clear_reason="recovered")))
    assert posted(client, "a/resolve")["resolved_by"] == "ann"


def test_the_same_action_sent_again_is_done_once(client: TestClient, log: Log) -> None:
    first, second = (posted(client, "a/notes", note="loud fan", action_id="n1") for _ in range(2))
    assert first == second
    assert len(log.written) == 1


def test_an_action_id_of_another_action_is_refused(client: TestClient) -> None:
    posted(client, "a/notes", note="loud fan", action_id="n1")
    assert client.post("/v1/alerts/a/acknowledge", json={"by": "ann", "action_id": "n1"}).status_code == 409


def test_what_the_projector_has_not_applied_is_accepted(client: TestClient, log: Log) -> None:
    log.is_projected = False
    response = client.post("/v1/alerts/a/acknowledge", json={"by": "ann", "action_id": "k"})
    assert response.status_code == 202
    assert response.json() == {
        "status": "accepted",
        "alert_id": "a",
        "action_id": "k",
        "action": "acknowledge",
        "by": "ann",
        "at_ms": NOW_MS,
        "note": None,
    }


def test_without_kafka_nothing_is_done_and_it_says_so(client: TestClient, log: Log) -> None:
    log.is_away = True
    assert client.post("/v1/alerts/a/acknowledge", json={"by": "ann"}).status_code == 503


def test_a_broker_that_is_away_is_not_waited_for_long(url: str, tmp_path: Path) -> None:
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1")
    with TestClient(build(settings)) as client:
        response = client.post("/v1/alerts/a/acknowledge", json={"by": "ann", "action_id": "k"})
        assert (response.status_code, "'k'" in response.json()["detail"]) == (503, True)


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("none/acknowledge", {"by": "ann"}, 404),
        ("a/acknowledge", {}, 422),
        ("a/acknowledge", {"by": " "}, 422),
        ("a/acknowledge", {"by": "a\0b"}, 422),
        ("a/acknowledge", {"by": "ann", "force": True}, 422),
        ("a/acknowledge", {"by": "ann", "action_id": "a:b"}, 422),
        ("a/notes", {"by": "ann"}, 422),
        ("a/notes", {"by": "ann", "note": "x" * 2001}, 422),
    ],
)
def test_what_is_no_action_is_refused(client: TestClient, log: Log, path: str, sent: Any, status: int) -> None:
    response = client.post(f"/v1/alerts/{path}", json=sent)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert log.written == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_site_does_nothing(client: TestClient, log: Log, kind: str) -> None:
    response = client.post("/v1/alerts/a/acknowledge", content=b'{"by": "ann"}', headers={"content-type": kind})
    assert (response.status_code, log.written) == (415, [])


def test_a_body_is_read_up_to_a_bound(client: TestClient, log: Log) -> None:
    for content in (b"x" * 10_000_000, (b"x" * 1000 for _ in range(1000))):
        response = client.post("/v1/alerts/a/notes", content=content, headers={"content-type": "application/json"})
        assert (response.status_code, response.headers["content-type"]) == (413, "application/problem+json")
    assert log.written == []


@pytest.mark.parametrize("character", "\u202e\u200b\u2066\u3164\u2800\x1b\x85\U000e0041")
def test_nobody_signs_or_notes_with_characters_that_are_not_seen(client: TestClient, character: str) -> None:
    for sent in ({"by": f"an{character}n", "note": "x"}, {"by": "ann", "note": f"x{character}y"}):
        answer = client.post("/v1/alerts/a/notes", json=sent)
        assert answer.status_code == 422
        assert f"U+{ord(character):04X}" in answer.json()["detail"]


@pytest.mark.parametrize(
    "note", ["⚠\ufe0f called\r\n\tdriver", "👩\u200d🔧 was here", "\u0645\u06cc\u200c\u062e\u0648"]
)
def test_a_note_has_lines_emoji_and_every_script(note: str) -> None:
    assert Note(by="Zoë 日本", note=note).note == note


def test_an_action_id_stands_for_what_came_first_also_before_the_store_shows_it(client: TestClient, log: Log) -> None:
    log.is_projected = False
    sent = [
        client.post("/v1/alerts/a/notes", json={"by": "ann", "note": note, "action_id": "n1"})
        for note in ("brakes squeal", "all is well", "brakes squeal")
    ]
    assert [answer.status_code for answer in sent] == [202, 409, 202]
    assert {action.note for action in log.written} == {"brakes squeal"}


def test_an_action_id_stands_for_what_may_have_been_written(client: TestClient, log: Log) -> None:
    log.is_away = True
    assert client.post("/v1/alerts/a/notes", json={"by": "ann", "note": "1", "action_id": "n1"}).status_code == 503
    log.is_away = False
    assert client.post("/v1/alerts/a/notes", json={"by": "ann", "note": "2", "action_id": "n1"}).status_code == 409
    assert posted(client, "a/notes", note="1", action_id="n1")["action_count"] == 1
