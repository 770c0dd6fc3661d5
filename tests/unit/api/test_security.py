from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, VIN, Topics, a_state, a_trip, an_alert, project
from sqlalchemy import Engine

from api.app import build
from api.role import Role
from api.security.keys import KeyRing, added, digest, read_keys, revoked, write_keys
from api.security.places import stripped
from api.security.rate import RateLimit
from api.server import serve
from api.settings import ServeSettings
from contracts.errors import InvalidInput


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def key_of(file: Path, name: str, role: Role = "viewer", *, positions: bool = False) -> dict[str, str]:
    """Make a key and give the header that it is sent in."""
    key, known = added(read_keys(file), name, role, sees_positions=positions, at_ms=NOW_MS)
    write_keys(file, known)
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def client(url: str, store: Engine, tmp_path: Path, keys: Path, topics: Topics) -> Iterator[Callable[..., Any]]:
    newest = a_state(VIN, a_trip(9_000, 800), offset=8)
    newest.newest.latitude_deg, newest.newest.longitude_deg = 48.1, 11.5
    project(store, topics.alert(an_alert("a", latitude_deg=48.1, longitude_deg=11.5)), *topics.flush(newest))

    def ask(method: str, path: str, headers: dict[str, str] | None = None, **given: Any) -> Any:
        return test_client.request(method, path, headers=headers, **given)

    settings = ServeSettings(
        store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", keys=keys, audit=tmp_path / "audit.jsonl",
        rate_limit=20, action_wait=0, cors_origins=["https://fleet.example"],
    )  # fmt: skip
    with TestClient(build(settings, clock=lambda: NOW_MS), raise_server_exceptions=False) as test_client:
        yield ask


def test_without_keys_everything_is_open_and_with_the_first_key_nothing_is(
    client: Callable[..., Any], keys: Path
) -> None:
    assert client("GET", "/v1/attention").status_code == 200
    mine = key_of(keys, "ann")
    answer = client("GET", "/v1/attention")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "api keys add" in answer.json()["detail"]
    assert client("GET", "/v1/attention", mine).status_code == 200
    assert client("GET", "/v1/attention", {"X-API-Key": mine["Authorization"][7:]}).status_code == 200
    assert [client("GET", path).status_code for path in ("/", "/health/live", "/docs", "/openapi.json")] == [200] * 4
    assert client("GET", "/metrics").status_code == 401


def test_a_revoked_key_ends_at_once_and_leaves_the_door_locked(client: Callable[..., Any], keys: Path) -> None:
    mine = key_of(keys, "ann")
    assert client("GET", "/v1/rules", mine).status_code == 200
    write_keys(keys, revoked(read_keys(keys), "ann", at_ms=NOW_MS))
    assert client("GET", "/v1/rules", mine).status_code == 401
    keys.unlink()
    assert client("GET", "/v1/rules").status_code == 401


@pytest.mark.parametrize("sent", ["", "cc_", "Bearer", "x" * 5000, "🚗"])
def test_what_is_no_key_of_ours_opens_nothing(client: Callable[..., Any], keys: Path, sent: str) -> None:
    key_of(keys, "ann")
    assert client("GET", "/v1/rules", {"X-API-Key": sent.encode()}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/v1/alerts", "viewer"),
        ("POST", "/v1/alerts/a/acknowledge", "operator"),
        ("POST", "/v1/views/1/rollback", "admin"),
        ("GET", "/v1/rejected-readings", "admin"),
        ("POST", "/v1/rejected-readings/replay", "admin"),
    ],
)
def test_each_role_may_what_those_before_it_may(
    client: Callable[..., Any], keys: Path, method: str, path: str, least: Role
) -> None:
    roles: tuple[Role, ...] = ("viewer", "operator", "admin")
    headers = {role: key_of(keys, role, role) for role in roles}
    refused = [client(method, path, headers[role]).status_code == 403 for role in roles]
    assert refused == [roles.index(role) < roles.index(least) for role in roles]


def test_a_viewer_sees_no_place_unless_granted(client: Callable[..., Any], keys: Path) -> None:
    blind, seeing = key_of(keys, "blind"), key_of(keys, "seeing", positions=True)
    assert client("GET", "/v1/positions", blind).status_code == 403
    assert len(client("GET", "/v1/positions", seeing).json()["features"]) == 1
    for path in ("/v1/attention", "/v1/alerts", "/v1/alerts/a", f"/v1/vehicles/{VIN}"):
        assert "latitude_deg" not in client("GET", path, blind).text
        assert "latitude_deg" in client("GET", path, seeing).text
        assert client("GET", path, blind).json()


def test_who_asks_too_often_is_told_when_to_come_back(client: Callable[..., Any], keys: Path) -> None:
    hasty, other = key_of(keys, "hasty"), key_of(keys, "other")
    answers = [client("GET", "/v1/rules", hasty) for _ in range(60)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert client("GET", "/v1/rules", other).status_code == 200


def test_every_change_is_noted_with_who_asked(client: Callable[..., Any], keys: Path, tmp_path: Path) -> None:
    client("POST", "/v1/alerts/a/notes", json={"by": "x", "note": "y"})
    viewer = key_of(keys, "vic")
    client("POST", "/v1/alerts/a/notes", viewer, json={})
    client("POST", "/v1/alerts/a/notes", json={})
    client("GET", "/v1/rules", viewer)
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["who"], line["did"], line["status"]) for line in lines] == [
        ("loopback", "POST /v1/alerts/a/notes", 503),
        ("vic", "POST /v1/alerts/a/notes", 403),
        ("unknown key", "POST /v1/alerts/a/notes", 401),
    ]


def test_other_origins_are_refused_unless_named(client: Callable[..., Any]) -> None:
    asked = {"Access-Control-Request-Method": "GET"}
    named = client("OPTIONS", "/v1/rules", {"Origin": "https://fleet.example"} | asked)
    other = client("OPTIONS", "/v1/rules", {"Origin": "https://evil.example"} | asked)
    assert named.headers["access-control-allow-origin"] == "https://fleet.example"
    assert "access-control-allow-origin" not in other.headers


def test_every_answer_carries_the_headers_that_browsers_obey(client: Callable[..., Any]) -> None:
    for path in ("/", "/v1/rules", "/nothing"):
        headers = client("GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


def test_only_hashes_are_kept_and_only_the_owner_reads_them(keys: Path) -> None:
    key = key_of(keys, "ann")["Authorization"][7:]
    assert key not in keys.read_text()
    assert digest(key) in keys.read_text()
    assert keys.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidInput, match="already"):
        key_of(keys, "ann")
    with pytest.raises(InvalidInput, match="no key 'bob'"):
        revoked(read_keys(keys), "bob", at_ms=1)


def test_a_file_of_keys_that_is_damaged_stops_the_start(keys: Path) -> None:
    keys.write_text("{")
    with pytest.raises(InvalidInput, match="--keys"):
        KeyRing(keys)


def test_an_open_address_takes_a_key(keys: Path) -> None:
    with pytest.raises(InvalidInput, match="api keys add"):
        serve(ServeSettings(host="0.0.0.0", keys=keys))  # noqa: S104


def test_places_are_taken_out_however_deep_they_stand() -> None:
    assert stripped({"a": [{"latitude_deg": 1, "b": {"longitude_deg": 2, "c": 3}}], "heading_deg": 4}) == {
        "a": [{"b": {"c": 3}}]
    }


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    limit = RateLimit(10)
    assert [limit.wait_s("k", 0.0) for _ in range(20)] == [0.0] * 20
    assert limit.wait_s("k", 0.0) == pytest.approx(0.1)
    assert limit.wait_s("k", 0.1) == 0.0
    assert limit.wait_s("k", 1000.0) == 0.0
    assert all(RateLimit(0).wait_s("k", 0.0) == 0 for _ in range(1000))
