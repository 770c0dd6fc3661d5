from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from pydantic import ValidationError
from serving import NOW_MS, VIN, Topics, a_state, a_trip, an_alert, project, publish
from sqlalchemy import Engine

from api.app import build
from api.role import Role
from api.security.audit import AuditLog, Rotation
from api.security.keys import KeyRing, added, digest, read_keys, revoked, write_keys
from api.security.places import stripped
from api.security.rate import RateLimit
from api.security.roles import Access, Guarded
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
def app(url: str, tmp_path: Path, keys: Path, request: pytest.FixtureRequest) -> FastAPI:
    """Let a key ask 20 times a second, or as often as the test's parameter says."""
    settings = ServeSettings(
        store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", keys=keys, audit=tmp_path / "audit.jsonl",
        rate_limit=getattr(request, "param", 20), action_wait=0, cors_origins=["https://fleet.example"],
    )  # fmt: skip
    return build(settings, clock=lambda: NOW_MS)


@pytest.fixture
def client(app: FastAPI, store: Engine, topics: Topics) -> Iterator[Callable[..., Any]]:
    newest = a_state(VIN, a_trip(9_000, 800), offset=8)
    newest.newest.latitude_deg, newest.newest.longitude_deg = 48.1, 11.5
    project(store, topics.alert(an_alert("a", latitude_deg=48.1, longitude_deg=11.5)), *topics.flush(newest))

    def ask(method: str, path: str, headers: Any = None, **given: Any) -> Any:
        return test_client.request(method, path, headers=headers, **given)

    with TestClient(app, raise_server_exceptions=False) as test_client:
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


@pytest.mark.parametrize("app", [1], indirect=True)
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


def changing(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield every route that changes something, with its path filled in."""
    filled = {"alert_id": "a", "version": "1", "vehicle_id": VIN, "fault": "misfire"}
    for path, operations in app.openapi()["paths"].items():
        yield from ((method.upper(), path.format(**filled)) for method in operations if method not in {"get", "head"})


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", None)


def test_no_form_reaches_any_route_that_changes_something(client: Callable[..., Any], app: FastAPI) -> None:
    routes = list(changing(app))
    assert len(routes) >= 8
    for method, path in routes:
        for kind in FORMS:
            answer = client(method, path, {"content-type": kind} if kind is not None else None, content=b"{}")
            assert (answer.status_code, answer.json()["instance"]) == (415, path), (method, path, kind)
            assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("headers", [{"content-type": "application/json"}, {"x-requested-with": "a script"}])
def test_what_no_form_can_send_is_let_through(
    client: Callable[..., Any], app: FastAPI, headers: dict[str, str]
) -> None:
    for method, path in changing(app):
        assert client(method, path, headers).status_code in {404, 422}, (method, path)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://testserver",
        "http://testserver:8001",
        "http://testserver.evil.example",
        "null",
        "file://",
        "",
    ],
)
def test_a_page_of_another_origin_changes_nothing(client: Callable[..., Any], app: FastAPI, origin: str) -> None:
    for method, path in changing(app):
        answer = client(method, path, {"content-type": "application/json", "origin": origin})
        assert answer.status_code == 403, (method, path)
        assert client("GET", "/v1/rules", {"origin": origin}).status_code == 200


@pytest.mark.parametrize("origin", ["http://testserver", "http://testserver:80", "https://fleet.example"])
def test_pages_of_the_api_itself_and_of_named_origins_may_change(client: Callable[..., Any], origin: str) -> None:
    headers = {"content-type": "application/json", "origin": origin}
    assert client("POST", "/v1/views/1/rollback", headers).status_code == 404


def test_a_server_that_is_asked_over_tls_has_another_origin(app: FastAPI) -> None:
    with TestClient(app, base_url="https://testserver") as asking:
        for origin, status in (
            ("https://testserver", 404),
            ("https://testserver:443", 404),
            ("http://testserver", 403),
        ):
            headers = {"content-type": "application/json", "origin": origin}
            assert asking.post("/v1/views/1/rollback", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["localhost"], 200), (["localhost:8000"], 200), (["127.0.0.1:8000"], 200), (["127.1.2.3"], 200),
        (["[::1]:8000"], 200), (["LOCALHOST."], 200), (["testserver"], 200),
        (["evil.example"], 421), (["localhost.evil.example"], 421), (["127.0.0.1.evil.example"], 421),
        (["10.0.0.1"], 421),
        (["localhost", "localhost"], 400), (["localhost", "evil.example"], 400), ([""], 400), (["a b"], 400),
        (["localhost:8000:1"], 400), (["user@localhost"], 400), (["localhost/x"], 400),
    ],
)  # fmt: skip
def test_only_names_of_this_machine_are_answered(client: Callable[..., Any], hosts: list[str], status: int) -> None:
    for path in ("/", "/v1/rules", "/health/live", "/v1/positions"):
        answer = client("GET", path, [("host", host) for host in hosts])
        assert answer.status_code == status
        if status != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert status == 400 or "--allowed-hosts" in answer.json()["detail"]


def test_a_name_that_is_allowed_is_answered(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_ALLOWED_HOSTS")
    for allowed, status in (([], 421), (["Fleet.Example."], 200)):
        settings = ServeSettings(store=url, bootstrap="127.0.0.1:1", views=tmp_path, allowed_hosts=allowed)
        with TestClient(build(settings), base_url="http://fleet.example:8000") as asking:
            assert asking.get("/docs").status_code == status


@pytest.mark.parametrize("name", ["fleet.example:8000", "http://fleet.example", "*", "", "a b"])
def test_what_is_no_name_of_a_host_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(ValidationError, match="allowed_hosts"):
        ServeSettings(allowed_hosts=[name])


@pytest.mark.parametrize("proxy", ["proxy.example", "10.0.0.300", "10.0.0.1/8", "*"])
def test_what_is_no_address_of_a_proxy_is_refused_at_the_start(proxy: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        ServeSettings(trusted_proxies=[proxy])


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


def test_keys_that_cannot_be_read_let_nobody_in_and_say_why(client: Callable[..., Any], keys: Path) -> None:
    key_of(keys, "ann")
    keys.write_text("{")
    answer = client("GET", "/v1/rules")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "--keys" in answer.json()["detail"]


def test_what_is_wrong_with_the_keys_is_told_to_the_log_alone(
    client: Callable[..., Any], keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key_of(keys, "ann")
    client("GET", "/v1/rules")
    secret = "0123456789abcdef" * 4
    keys.write_text(secret)
    answers = [client("GET", "/v1/rules") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert not any(told in answers[0].text for told in (secret[:8], str(keys), keys.name))
    assert len([record for record in caplog.records if "keys cannot be read" in record.message]) == 1
    assert [client("GET", path).status_code for path in ("/", "/health/live", "/docs", "/openapi.json")] == [200] * 4


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


def test_what_is_given_back_can_be_taken_again() -> None:
    limit = RateLimit(1)
    assert [limit.wait_s("k", 0.0) for _ in range(2)] == [0.0] * 2
    assert limit.wait_s("k", 0.0) > 0
    limit.give_back("k")
    assert limit.wait_s("k", 0.0) == 0.0


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    limit = RateLimit(10)
    assert [limit.wait_s("k", 0.0) for _ in range(20)] == [0.0] * 20
    assert limit.wait_s("k", 0.0) == pytest.approx(0.1)
    assert limit.wait_s("k", 0.1) == 0.0
    assert limit.wait_s("k", 1000.0) == 0.0
    assert all(RateLimit(0).wait_s("k", 0.0) == 0 for _ in range(1000))


OPEN, VIEWER, OPERATOR, ADMIN = Access(is_open=True), Access(), Access("operator"), Access("admin")
PLACES = Access(tells_places=True)
NEEDED = {
    "GET /": OPEN, "GET /docs": OPEN, "GET /openapi.json": OPEN, "GET /static": OPEN,
    "GET /health/live": OPEN, "GET /health/ready": OPEN, "GET /metrics": VIEWER,
    "GET /v1/alerts": VIEWER, "GET /v1/alerts/stream": VIEWER, "GET /v1/attention": VIEWER,
    "GET /v1/alerts/{alert_id}": VIEWER, "GET /v1/alerts/{alert_id}/signals": VIEWER,
    "POST /v1/alerts/{alert_id}/acknowledge": OPERATOR, "POST /v1/alerts/{alert_id}/notes": OPERATOR,
    "POST /v1/alerts/{alert_id}/resolve": OPERATOR,
    "GET /v1/vehicles": VIEWER, "GET /v1/vehicles/{vin}": VIEWER, "GET /v1/vehicles/{vin}/efficiency": VIEWER,
    "GET /v1/vehicles/{vin}/trips": VIEWER, "GET /v1/vehicles/{vin}/trips/{trip_started_at_ms}/path": PLACES,
    "GET /v1/vehicles/{vin}/snapshots": PLACES, "GET /v1/vehicles/{vin}/snapshots/{offset}": PLACES,
    "GET /v1/positions": PLACES, "GET /v1/positions/stream": PLACES,
    "GET /v1/rankings/fuel-efficiency": VIEWER, "GET /v1/roads": VIEWER, "GET /v1/routes": VIEWER,
    "GET /v1/route-savings": VIEWER, "GET /v1/pipeline": VIEWER, "GET /v1/rules": VIEWER, "GET /v1/views": VIEWER,
    "POST /v1/views/{version}/rollback": ADMIN,
    "GET /v1/rejected-readings": ADMIN, "GET /v1/rejected-readings/{partition}/{offset}": ADMIN,
    "POST /v1/rejected-readings/replay": ADMIN,
    "GET /v1/simulator": VIEWER, "PATCH /v1/simulator": OPERATOR, "POST /v1/simulator/faults": OPERATOR,
    "DELETE /v1/simulator/faults/{vehicle_id}/{fault}": OPERATOR,
}  # fmt: skip
"""A new route is added here by hand, by somebody who asks what its answer tells and what it changes."""


def every_route(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        yield from ((method, str(route.path)) for method in sorted((route.methods or {"GET"}) - {"HEAD"}))


def filled(path: str) -> str:
    """Return a path with its parameters filled in, so that its route takes it."""
    numbers = {"trip_started_at_ms": NOW_MS, "offset": 1, "partition": 0, "version": 1}
    return path.format(vin=VIN, vehicle_id=VIN, alert_id="a", fault="misfire", **numbers)


def disguised(path: str) -> Iterator[str]:
    """Yield other ways to write a path, some of which a router takes for it."""
    for control in ("%0A", "%0D", "%00", "%0D%0A", "%7F", "%C2%85", "%09"):
        yield path + control
        yield f"{path[:3]}{control}{path[3:]}"
    yield from (f"{path}/", f"/{path}", f"{path}//", path.replace("/", "//"), path.replace("/", "/./"))
    yield from (f"{path}%20", f"{path}%2F", f"{path};x=1", path.upper(), f"/x/..{path}", f"{path}%E2%80%A8")
    yield path.replace("/", "%2F")
    letter = path[-1]
    yield f"{path[:-1]}%{ord(letter):02x}"
    yield "".join(f"%{ord(one):02X}" if one.isalnum() else one for one in path)


def test_it_is_decided_of_every_route_who_may_ask_it(app: FastAPI) -> None:
    guarded = Guarded(app.routes)

    def needed(method: str, path: str) -> Access:
        path = "/static/app.js" if path == "/static" else filled(path)
        return guarded.needed({"type": "http", "method": method, "path": path, "headers": []})

    assert {f"{method} {path}": needed(method, path) for method, path in every_route(app)} == NEEDED


@pytest.mark.parametrize("app", [0], indirect=True)
def test_no_way_to_write_a_path_gets_around_what_its_route_needs(client: Callable[..., Any], keys: Path) -> None:
    blind, operator = key_of(keys, "blind"), key_of(keys, "operator", "operator")
    for route, needed in NEEDED.items():
        method, path = route.split()
        header = {OPEN: None, VIEWER: {}, PLACES: blind, OPERATOR: blind, ADMIN: operator}[needed]
        if header is None:
            continue
        plain = client(method, filled(path), header, json={})
        assert plain.status_code == (401 if needed is VIEWER else 403), route
        for written in disguised(filled(path)):
            answer = client(method, f"http://testserver{written}", header, json={}, follow_redirects=False)
            assert answer.status_code in {307, 400, 401, 403, 404, 405}, (method, written)
            if answer.status_code == 404:  # the router's, not an endpoint's
                assert "there is nothing at" in answer.json()["detail"], (method, written)


def test_a_path_with_control_characters_is_refused(client: Callable[..., Any]) -> None:
    for control in ("%0A", "%00", "%7F", "%C2%85"):
        answer = client("GET", f"/v1/rules{control}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert "control characters" in answer.json()["detail"]


def test_a_request_with_thousands_of_mistakes_is_told_the_first_twenty(client: Callable[..., Any]) -> None:
    body = {"by": "ann", "note": "x"} | {f"unknown{n}" + "x" * (n % 2 * 2_000): 1 for n in range(40)}
    answer = client("POST", "/v1/alerts/a/notes", json=body)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)
    assert answer.json()["detail"].endswith("; and 20 more")
    assert len(answer.content) < 20_000
