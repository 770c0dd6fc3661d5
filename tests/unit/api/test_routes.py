from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import (
    DAY_MS,
    NOW_MS,
    OTHER_VIN,
    VIN,
    Topics,
    a_state,
    a_trip,
    a_vehicle,
    an_alert,
    got,
    partition_of,
    project,
    publish,
)
from sqlalchemy import Engine

from api.projector.publication import Publication
from api.store.database import open_for_writing
from contracts.alert import AlertAction


def serve_version(store: Engine, views: Path) -> None:
    publication = Publication(store, views, lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    assert publication.is_current


@pytest.mark.parametrize("path", ["/v1/alerts?severty=critical", "/v1/attention?limit=5&colour=red", "/v1/rules?x=1"])
def test_an_unknown_parameter_is_refused_with_the_known_ones(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert "unknown parameter" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/alerts?severity=critical&severity=warning", "/v1/rules?fields=name&fields=when"])
def test_a_parameter_that_is_given_twice_is_refused(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 422
    assert "more than once" in response.json()["detail"]


def test_alerts_of_one_moment_come_by_falling_id(client: TestClient, store: Engine, topics: Topics) -> None:
    project(store, *(topics.alert(an_alert(name), at_ms=NOW_MS) for name in ("b", "c", "a")))
    first = got(client, "/v1/alerts", limit=2)
    rest = got(client, "/v1/alerts", cursor=first["next_cursor"])
    assert [alert["alert_id"] for page in (first, rest) for alert in page["alerts"]] == ["c", "b", "a"]


def test_an_alert_answers_with_its_history(client: TestClient, store: Engine, topics: Topics) -> None:
    project(
        store,
        topics.alert(an_alert("a", 1, evidence={"coolant_c": 115.0})),
        topics.alert(an_alert("a", 2, state="cleared", clear_reason="recovered", message="over")),
        topics.action(AlertAction("a", "x", "note", "ann", NOW_MS, note="towed")),
    )
    answer = got(client, "/v1/alerts/a")
    assert (answer["state"], answer["is_open"], answer["message"]) == ("cleared", False, "hot")
    assert answer["evidence"] == {"coolant_c": 115.0}
    assert [change["state"] for change in answer["changes"]] == ["raised", "cleared"]
    assert answer["actions"][0]["note"] == "towed"


def test_alert_pages_stay_stable_while_new_ones_come(client: TestClient, store: Engine, topics: Topics) -> None:
    project(store, *(topics.alert(an_alert(f"a{n}"), at_ms=NOW_MS + n) for n in range(5)))
    first = got(client, "/v1/alerts", limit=2)
    project(store, topics.alert(an_alert("newer"), at_ms=NOW_MS + 99))
    second = got(client, "/v1/alerts", limit=2, cursor=first["next_cursor"])
    last = got(client, "/v1/alerts", limit=2, cursor=second["next_cursor"])
    pages = [[alert["alert_id"] for alert in page["alerts"]] for page in (first, second, last)]
    assert pages == [["a4", "a3"], ["a2", "a1"], ["a0"]]
    assert last["next_cursor"] is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"vehicle_id": VIN}, {"a", "b"}),
        ({"fleet": "south"}, {"c"}),
        ({"rule": "battery"}, {"b"}),
        ({"severity": "critical"}, {"c"}),
        ({"state": "cleared"}, {"b"}),
        ({"is_open": "true"}, {"a", "c"}),
        ({"raised_from_ms": NOW_MS}, {"a", "b"}),
        ({"raised_until_ms": NOW_MS}, {"c"}),
    ],
)
def test_alerts_are_filtered(
    client: TestClient, store: Engine, topics: Topics, filters: dict[str, Any], found: set[str]
) -> None:
    project(
        store,
        topics.vehicle(a_vehicle()),
        topics.vehicle(a_vehicle(OTHER_VIN, fleet="south")),
        topics.alert(an_alert("a")),
        topics.alert(an_alert("b", rule="battery", state="cleared")),
        topics.alert(an_alert("c", vehicle_id=OTHER_VIN, severity="critical", raised_at_ms=NOW_MS - 1)),
    )
    assert {alert["alert_id"] for alert in got(client, "/v1/alerts", **filters)["alerts"]} == found


def test_vehicles_are_those_registered_or_heard_of(client: TestClient, store: Engine, topics: Topics) -> None:
    project(store, topics.vehicle(a_vehicle()), *topics.flush(a_state(OTHER_VIN, a_trip(900, 50))))
    answer = got(client, "/v1/vehicles", limit=1)
    assert [item["vehicle_id"] for item in answer["vehicles"]] == [VIN]
    rest = got(client, "/v1/vehicles", limit=1, cursor=answer["next_cursor"])
    assert [(item["vehicle_id"], item["model"]) for item in rest["vehicles"]] == [(OTHER_VIN, None)]
    assert rest["next_cursor"] is None


def test_a_vehicle_answers_with_registry_reading_and_alerts(client: TestClient, store: Engine, topics: Topics) -> None:
    project(
        store,
        topics.vehicle(a_vehicle()),
        topics.alert(an_alert("a")),
        *topics.flush(a_state(VIN, a_trip(900, 50), offset=7)),
    )
    answer = got(client, f"/v1/vehicles/{VIN}")
    assert answer["model"] == "Honda Accord 2020"
    assert answer["reading"]["coolant_c"] == 90.0
    assert [alert["alert_id"] for alert in answer["alerts"]] == ["a"]


def test_a_ranking_merges_both_layers(client: TestClient, store: Engine, topics: Topics, tmp_path: Path) -> None:
    started_ms = NOW_MS - DAY_MS
    registry = {VIN: a_vehicle(), OTHER_VIN: a_vehicle(OTHER_VIN, fleet="south")}
    batch = {
        (VIN, started_ms): a_trip(8_000, 800, started_at_ms=started_ms),
        (OTHER_VIN, started_ms): a_trip(9_000, 450, started_at_ms=started_ms),
    }
    publish(tmp_path / "views", 1, batch, covered={partition_of(VIN): 5, partition_of(OTHER_VIN): 5}, registry=registry)
    serve_version(store, tmp_path / "views")
    project(store, *(topics.vehicle(vehicle) for vehicle in registry.values()))
    grown, fresh = a_trip(10_000, 700, started_at_ms=started_ms), a_trip(2_000, 200, started_at_ms=NOW_MS)
    project(store, *topics.flush(a_state(VIN, grown, fresh, offset=9)))

    merged = got(client, "/v1/rankings/fuel-efficiency")
    assert [(place["key"], place["distance_m"], place["fuel_ml"]) for place in merged["places"]] == [
        (OTHER_VIN, 9_000, 450),
        (VIN, 12_000, 1_000),
    ]
    assert (merged["batch_view_version"], merged["ranked"], merged["period"]) == (1, 2, "2026-11-15")
    batch_only = got(client, "/v1/rankings/fuel-efficiency", view="batch", order="worst")
    assert [(place["key"], place["distance_m"]) for place in batch_only["places"]] == [(VIN, 8_000), (OTHER_VIN, 9_000)]
    speed = got(client, "/v1/rankings/fuel-efficiency", view="speed")
    assert [(place["key"], place["distance_m"]) for place in speed["places"]] == [(VIN, 12_000)]
    fleets = got(client, "/v1/rankings/fuel-efficiency", scope="fleet")
    assert [(place["key"], place["fuel_ml"]) for place in fleets["places"]] == [("south", 450), ("north", 1_000)]
    days = got(client, f"/v1/vehicles/{VIN}/efficiency")
    assert [(day["period"], day["distance_m"]) for day in days["periods"]] == [
        ("2026-11-21", 2_000),
        ("2026-11-20", 10_000),
    ]
    trips = got(client, f"/v1/vehicles/{VIN}/trips", limit=1)
    assert [trip["distance_m"] for trip in trips["trips"]] == [2_000]
    older = got(client, f"/v1/vehicles/{VIN}/trips", limit=1, cursor=trips["next_cursor"])
    assert [(trip["distance_m"], trip["fuel_ml"]) for trip in older["trips"]] == [(10_000, 800)]


@pytest.mark.parametrize(("offset", "distance_m"), [(5, 8_000), (6, 9_000), (7, 9_000)])
def test_a_speed_row_counts_from_the_covered_offset_on(
    client: TestClient, store: Engine, topics: Topics, tmp_path: Path, offset: int, distance_m: int
) -> None:
    trip = a_trip(8_000, 700)
    publish(tmp_path / "views", 1, {(VIN, trip.trip_started_at_ms): trip}, covered={partition_of(VIN): 6})
    serve_version(store, tmp_path / "views")
    project(store, *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=offset)))
    (place,) = got(client, "/v1/rankings/fuel-efficiency")["places"]
    assert place["distance_m"] == distance_m


def test_equally_urgent_alerts_come_by_id_and_actions_by_time(
    client: TestClient, store: Engine, topics: Topics
) -> None:
    project(
        store,
        *(topics.alert(an_alert(name)) for name in ("b", "c", "a")),
        topics.alert(an_alert("d", raised_at_ms=NOW_MS - 1)),
        topics.action(AlertAction("a", "z", "note", "ann", NOW_MS, note="1"), at_ms=NOW_MS + 60),
        topics.action(AlertAction("a", "y", "note", "ann", NOW_MS, note="3"), at_ms=NOW_MS + 70),
        topics.action(AlertAction("a", "x", "note", "ann", NOW_MS, note="2"), at_ms=NOW_MS + 70),
    )
    (item,) = got(client, "/v1/attention")["vehicles"]
    assert [alert["alert_id"] for alert in item["alerts"]] == ["d", "a", "b", "c"]
    assert [action["note"] for action in got(client, "/v1/alerts/a")["actions"]] == ["1", "2", "3"]


def test_a_ranking_is_read_page_by_page(client: TestClient, store: Engine, topics: Topics) -> None:
    vins = [f"1HGCM82633A00000{n}" for n in range(5)]
    for n, vin in enumerate(vins):
        project(store, *topics.flush(a_state(vin, a_trip(6_000, 300 + n // 2))))
    seen, cursor = [], None
    while True:
        page = got(client, "/v1/rankings/fuel-efficiency", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [(place["rank"], place["key"]) for place in page["places"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == list(enumerate(vins, start=1))


def test_the_pipeline_answers_without_a_broker(client: TestClient, store: Engine, topics: Topics) -> None:
    project(
        store,
        topics.rejected(VIN, 1),
        topics.rejected(VIN, 1),
        topics.alert(an_alert("a"), at_ms=NOW_MS + 30),
        topics.alert(an_alert("s", rule="telematics_silence"), at_ms=NOW_MS + 90_000),
        *topics.flush(a_state(VIN, a_trip(900, 50), offset=7)),
    )
    answer = got(client, "/v1/pipeline")
    assert answer["lag"]["status"] == "unavailable"
    assert answer["rejected_readings"] == {"not_json": 1}
    assert answer["event_to_alert"]["p99_ms"] == 30
    judged = {"rules_hash": "r1", "fold_version": 1, "since_offset": 0, "unwatched": 0}
    assert answer["marks"] == [{"partition": partition_of(VIN), "next_offset": 8, "received_at_ms": NOW_MS, **judged}]


def test_a_rejection_of_many_counts_as_many_however_often_it_is_written(
    client: TestClient, store: Engine, topics: Topics
) -> None:
    project(store, topics.rejected(VIN, 0), topics.rejected_together(1, 600_000, 599_900))
    project(store, topics.rejected_together(1, 600_000, 599_900))
    assert got(client, "/v1/pipeline")["rejected_readings"] == {"not_json": 599_901}


def test_views_and_rules_are_told(client: TestClient, store: Engine, tmp_path: Path) -> None:
    publish(tmp_path / "views", 1, {}, covered={0: 5})
    serve_version(store, tmp_path / "views")
    views = got(client, "/v1/views")
    assert (views["served"], views["published"], views["versions"][0]["covered_offsets"]) == (1, 1, {"0": 5})
    assert "P0217" in {rule["trouble_code"] for rule in got(client, "/v1/rules")["rules"]}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/nothing", 404),
        (f"/v1/vehicles/{VIN}", 404),
        ("/v1/vehicles/1HGCM82633O004352", 422),
        ("/v1/alerts/none", 404),
        ("/v1/alerts?limit=1000000000", 422),
        ("/v1/alerts?cursor=%00", 422),
        ("/v1/alerts?cursor=WzEsMl0", 422),
        ("/v1/alerts?severity='%3B--", 422),
        ("/v1/rankings/fuel-efficiency?period_kind=day&period=2026-02-30", 422),
        ("/v1/rankings/fuel-efficiency?period_kind=week&period=2026-11", 422),
    ],
)
def test_what_is_wrong_is_answered_by_a_problem_document(client: TestClient, path: str, status: int) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]


def test_a_cursor_of_another_query_is_refused(client: TestClient, store: Engine, topics: Topics) -> None:
    project(store, *(topics.alert(an_alert(f"a{n}")) for n in range(2)))
    cursor = got(client, "/v1/alerts", limit=1)["next_cursor"]
    assert client.get("/v1/alerts", params={"cursor": cursor, "severity": "info"}).status_code == 422


def test_without_a_store_it_says_so_and_answers_as_soon_as_there_is_one(client: TestClient, url: str) -> None:
    response = client.get("/v1/attention")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert "api projector" in response.json()["detail"]
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503
    open_for_writing(url).dispose()
    assert client.get("/v1/attention").status_code == 200
    assert client.get("/health/ready").status_code == 200


def test_pages_name_no_other_host(client: TestClient) -> None:
    for path in ("/", "/docs"):
        page = client.get(path)
        assert page.status_code == 200
        assert "http://" not in page.text.replace("http://127.0.0.1", "")
        assert "https://" not in page.text


def test_openapi_says_that_errors_are_problem_documents(client: TestClient) -> None:
    document = got(client, "/openapi.json")
    answers = document["paths"]["/v1/vehicles/{vin}"]["get"]["responses"]
    assert {"200", "404", "422", "503"} <= answers.keys()
    assert "application/problem+json" in answers["422"]["content"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.usefixtures("store")
def test_requests_are_counted_by_route(client: TestClient) -> None:
    client.get(f"/v1/vehicles/{VIN}")
    assert 'route="/v1/vehicles/{vin}"' in client.get("/metrics").text
