from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from keyed_api import key_of
from serving import NOW_MS, VIN

from api.role import Role
from api.security.places import stripped
from api.security.roles import Access, Guarded


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


def test_places_are_taken_out_however_deep_they_stand() -> None:
    assert stripped({"a": [{"latitude_deg": 1, "b": {"longitude_deg": 2, "c": 3}}], "heading_deg": 4}) == {
        "a": [{"b": {"c": 3}}]
    }


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
