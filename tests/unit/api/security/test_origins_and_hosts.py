from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError
from serving import VIN

from api.app import build
from api.settings import ServeSettings


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
