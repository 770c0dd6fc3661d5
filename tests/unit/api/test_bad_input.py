"""What people and programs send that is wrong: the right status, and a problem document that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, project
from sqlalchemy import Engine, update

from api.app import build
from api.settings import ServeSettings
from api.store import tables
from contracts.codec import encode

UNKNOWN = "1HGCM82633A999999"
SQL = "'; DROP TABLE alerts; --"
LISTS = ("/v1/alerts", "/v1/vehicles", "/v1/attention", "/v1/positions", "/v1/rankings/fuel-efficiency")


@pytest.fixture
def client(url: str, store: Engine, tmp_path: Path, topics: Topics) -> Iterator[TestClient]:
    project(store, topics.vehicle(a_vehicle()), *(topics.alert(an_alert(f"a{n}"), at_ms=NOW_MS + n) for n in range(3)))
    project(store, *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=3)))
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1")
    with TestClient(build(settings, clock=lambda: NOW_MS), raise_server_exceptions=False) as client:
        yield client


def refused(response: Any, status: int, told: str = "") -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert told in problem["detail"]


@pytest.mark.parametrize("path", ["", "/trips", "/efficiency"])
def test_an_unknown_vehicle_is_not_found_and_where_to_look_is_told(client: TestClient, path: str) -> None:
    refused(client.get(f"/v1/vehicles/{UNKNOWN}{path}"), 404, "/v1/vehicles")
    refused(client.get(f"/v1/vehicles/NOVIN{path}"), 422)


@pytest.mark.parametrize(
    ("kind", "period"), [("day", "2026-02-30"), ("week", "2026-W60"), ("month", "2026-13"), ("day", "9999-99-99")]
)
def test_an_impossible_period_is_refused_with_one_that_works(client: TestClient, kind: str, period: str) -> None:
    refused(client.get("/v1/rankings/fuel-efficiency", params={"period_kind": kind, "period": period}), 422, "write it")


def test_a_cursor_of_another_query_is_refused_on_every_list(client: TestClient) -> None:
    cursor = client.get("/v1/alerts", params={"limit": 1}).json()["next_cursor"]
    for path in ("/v1/vehicles", "/v1/positions", "/v1/rankings/fuel-efficiency", f"/v1/vehicles/{VIN}/trips"):
        refused(client.get(path, params={"cursor": cursor}), 422, "another query")
    refused(client.get("/v1/alerts", params={"cursor": cursor, "severity": "critical"}), 422, "another query")
    for broken in ("x", "AAAA", cursor[:-2], "🚗", "W10"):
        refused(client.get("/v1/alerts", params={"cursor": broken}), 422, "cursor")


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read_whole(client: TestClient) -> None:
    body = b'{"by": "' + b"x" * 10_000_000 + b'"}'
    refused(
        client.post("/v1/alerts/a1/notes", content=body, headers={"content-type": "application/json"}), 413, "bytes"
    )


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["1000000000", "0", "-1", "1e9", "ten", "9" * 40, ""])
def test_a_limit_beyond_reason_is_refused(client: TestClient, path: str, limit: str) -> None:
    refused(client.get(path, params={"limit": limit}), 422, "limit")


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/alerts?vehicle_id={SQL}", f"/v1/alerts?fleet={SQL}", f"/v1/alerts?rule={SQL}",
        f"/v1/vehicles?fleet={SQL}", f"/v1/vehicles?model={SQL}", f"/v1/positions?fleet={SQL}",
    ],
)  # fmt: skip
def test_sql_in_a_name_is_a_name_that_nobody_has(client: TestClient, path: str) -> None:
    answer = client.get(path).json()
    assert [answer.get(rows) for rows in ("alerts", "vehicles", "features") if answer.get(rows)] == []
    assert len(client.get("/v1/alerts").json()["alerts"]) == 3


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/alerts?severity={SQL}", f"/v1/alerts?cursor={SQL}", f"/v1/alerts?limit={SQL}",
        f"/v1/positions?bbox={SQL}",
        f"/v1/rankings/fuel-efficiency?period={SQL}", f"/v1/rankings/fuel-efficiency?scope={SQL}",
        f"/v1/vehicles/{VIN}/trips?view={SQL}", f"/v1/alerts?fields={SQL}", "/v1/alerts?rule=%00",
        "/v1/alerts?rule=" + "x" * 300,
    ],
)  # fmt: skip
def test_what_is_no_value_of_its_field_is_refused(client: TestClient, path: str) -> None:
    refused(client.get(path), 422)


@pytest.mark.parametrize("alert_id", [SQL, "%00", "a" * 65, "🚗"])
def test_an_alert_that_there_is_not_is_told(client: TestClient, alert_id: str) -> None:
    assert client.get(f"/v1/alerts/{alert_id}").status_code in {404, 422}
    response = client.post(f"/v1/alerts/{alert_id}/acknowledge", json={"by": "ann"})
    assert response.status_code in {404, 422}


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"x"', '{"by": 5}', '{"by": ""}', '{"by": "\\u0000"}', '{"by": "ann", "colour": "red"}'],
)
def test_a_body_that_is_none_of_ours_is_refused_by_field(client: TestClient, body: str) -> None:
    headers = {"content-type": "application/json"}
    refused(client.post("/v1/alerts/a1/acknowledge", content=body, headers=headers), 422)


def test_a_method_or_path_that_there_is_not_is_told(client: TestClient) -> None:
    refused(client.delete("/v1/alerts/a1", headers={"content-type": "application/json"}), 405, "DELETE")
    refused(client.get("/v1/nothing"), 404, "/docs")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/simulator", "GET, PATCH"), ("/v1/simulator/faults", "POST"), ("/v1/alerts", "GET"),
        ("/v1/views/1/rollback", "POST"), ("/v1/rejected-readings/replay", "POST"), ("/", "GET"),
    ],
)  # fmt: skip
def test_a_method_that_there_is_not_is_told_with_those_that_there_are(
    client: TestClient, path: str, allowed: str
) -> None:
    answer = client.put(path, json={})
    refused(answer, 405, allowed)
    assert answer.headers["allow"] == allowed


def test_names_of_the_registry_are_shown_up_to_a_bound(client: TestClient, store: Engine) -> None:
    long = "x" * 100_000
    with store.begin() as connection:  # as a store has it that was written before registry entries were judged
        names = {"model_name": long, "fleet": long, "entry": encode(a_vehicle(fleet=long)).decode()}
        connection.execute(update(tables.vehicles).values(names))
    for path in ("/v1/vehicles", f"/v1/vehicles/{VIN}", "/v1/attention", "/v1/rankings/fuel-efficiency"):
        answer = client.get(path)
        assert (answer.status_code, len(answer.content) < 20_000) == (200, True), path


HOSTILE = (
    b"NaN",
    b"1e400",
    b"-Infinity",
    b'"\\ud800"',
    b'"\\u0000"',
    b"1" * 5_000,
    b"[" * 20_000,
    b'"\xff"',
    b"\x00",
    b"{",
)


@pytest.mark.parametrize(
    ("verb", "path", "fields"),
    [
        ("PATCH", "/v1/simulator", ("rate", "vehicles", "disturbances", "x")),
        ("POST", "/v1/simulator/faults", ("vehicle_id", "severity")),
        ("POST", "/v1/alerts/a1/notes", ("by", "note", "action_id", "x")),
        ("POST", "/v1/alerts/a1/resolve", ("by", "force")),
        ("POST", "/v1/rejected-readings/replay", ("records", "reason", "most", "force", "vehicle_id")),
    ],
)
def test_no_json_that_is_none_is_a_defect(client: TestClient, verb: str, path: str, fields: tuple[str, ...]) -> None:
    for value in HOSTILE:
        bodies = [value, b'{"\\ud800": 1}', *(b'{"%s": %s}' % (name.encode(), value) for name in fields)]
        for body in bodies:
            answer = client.request(verb, path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code in {400, 404, 422, 503}, (body[:50], answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "-0", "1_0", "\u0661", "%ED%A0%80", "%00", "9" * 5_000])
def test_no_parameter_is_a_defect(client: TestClient, value: str) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        parameters = operations.get("get", {}).get("parameters", ())
        for one in (each for each in parameters if each["in"] == "query" and "stream" not in path):
            filled = path.format(alert_id="a1", vin=VIN, partition=0, offset=0, trip_started_at_ms=NOW_MS)
            assert client.get(f"{filled}?{one['name']}={value}").status_code in {200, 404, 422, 503}, (
                path,
                one["name"],
            )
