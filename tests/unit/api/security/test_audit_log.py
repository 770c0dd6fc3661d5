from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from keyed_api import key_of
from serving import NOW_MS, publish

from api.app import build
from api.security.audit import AuditLog, Rotation
from api.settings import ServeSettings
from contracts.errors import InvalidInput


def test_every_change_is_noted_with_who_asked(client: Callable[..., Any], keys: Path, tmp_path: Path) -> None:
    client("POST", "/v1/alerts/a/notes", json={"by": "x", "note": "y"})
    viewer = key_of(keys, "vic")
    client("POST", "/v1/alerts/a/notes", viewer, json={})
    client("POST", "/v1/alerts/a/notes", json={})
    client("GET", "/v1/rules", viewer)
    begun, ended, forbidden, unknown = noted(tmp_path)
    assert ("status" in begun, begun["change"]) == (False, ended["change"])
    assert [(line["who"], line["did"], line["status"]) for line in (ended, forbidden, unknown)] == [
        ("loopback", "POST /v1/alerts/a/notes", 503),
        ("vic", "POST /v1/alerts/a/notes", 403),
        ("unknown key", "POST /v1/alerts/a/notes", 401),
    ]
    assert [line["from"] for line in (begun, ended, forbidden, unknown)] == ["testclient"] * 4


def noted(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def test_refusals_of_one_who_asks_on_and_on_are_counted_not_written(
    client: Callable[..., Any], keys: Path, tmp_path: Path
) -> None:
    key_of(keys, "ann")
    for _ in range(200):
        assert client("POST", "/v1/" + "x" * 5_000, json={}).status_code == 401
    assert len(noted(tmp_path)) < 150
    assert (tmp_path / "audit.jsonl").stat().st_size < 150 * 1_000


@pytest.mark.usefixtures("store")
def test_no_change_is_done_that_cannot_be_noted(url: str, tmp_path: Path) -> None:
    views = tmp_path / "views"
    for version in (1, 2):
        publish(views, version, {}, covered={})
    full = ServeSettings(store=url, views=views, bootstrap="127.0.0.1:1", audit=Path("/dev/full"))
    with TestClient(build(full), raise_server_exceptions=False) as asking:
        answer = asking.post("/v1/views/1/rollback", json={})
        assert asking.post("/v1/views/1/rollback", data={}).status_code == 415
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "No space left on device" in answer.json()["detail"]
    assert "free space" in answer.json()["detail"]
    assert (views / "CURRENT").read_text() == "2"
    with TestClient(build(full.model_copy(update={"audit": tmp_path / "audit.jsonl"}))) as asking:
        assert asking.post("/v1/views/1/rollback", json={}).json() == {"published": 1, "before": 2}
    assert [line.get("status") for line in noted(tmp_path)] == [None, 200]


@pytest.mark.parametrize("app", [0], indirect=True)
def test_changes_that_come_to_nothing_never_push_the_others_out(
    client: Callable[..., Any], keys: Path, tmp_path: Path
) -> None:
    operator, other = key_of(keys, "op", "operator"), key_of(keys, "other", "operator")
    unknown: tuple[str, Any] = ("/v1/nothing", {})
    invalid = ("/v1/alerts/a/notes", {"by": ""})
    absent = ("/v1/alerts/none/notes", {"by": "op", "note": "x"})
    answers = [client("POST", path, operator, json=sent) for path, sent in (unknown, invalid, absent) * 70]
    assert [answer.status_code for answer in answers[:3]] == [404, 422, 404]
    assert (answers[-1].status_code, answers[-1].headers["content-type"]) == (429, "application/problem+json")
    assert int(answers[-1].headers["retry-after"]) >= 1
    lines = noted(tmp_path)
    assert len(lines) < 250
    begun = [line["change"] for line in lines if "change" in line and "status" not in line]
    assert sorted(begun) == sorted(line["change"] for line in lines if "change" in line and "status" in line)
    assert client("POST", *absent[:1], other, json=absent[1]).status_code == 404


def test_an_audit_file_is_rotated_by_size_and_few_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    logs = [AuditLog(file, lambda: NOW_MS, Rotation(most_bytes=1_000, files=3)) for _ in range(2)]
    for n in range(200):
        logs[n % 2].note("ann", f"change {n}")
    files = sorted(tmp_path.iterdir())
    assert [one.name for one in files] == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"]
    assert all(one.stat().st_size < 1_100 for one in files)
    newest_first = [json.loads(line)["did"] for one in files for line in reversed(one.read_text().splitlines())]
    assert newest_first == [f"change {199 - n}" for n in range(len(newest_first))]


def test_an_audit_line_is_bounded_whatever_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    AuditLog(file, lambda: NOW_MS).note("\x00" * 60_000, "\ud800🚗" * 60_000, client="x" * 60_000)
    assert file.stat().st_size < 8_192
    assert json.loads(file.read_text())["who"].endswith("…")


def test_a_line_cut_short_by_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    AuditLog(file, lambda: NOW_MS).note("ann", "a change")
    before, limits = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(InvalidInput, match="free space"):
            AuditLog(file, lambda: NOW_MS).note("ann", "another change")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert file.read_bytes() == before
