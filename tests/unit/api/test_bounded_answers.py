"""A car with hundreds of alerts, or an alert with hundreds of notes, makes no answer long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, VIN, Topics, a_vehicle, an_alert, project
from sqlalchemy import Engine, event

from api.app import build
from api.kafka.action_log import ActionLog
from api.queries.alerts import MOST_LISTED, MOST_TOLD, open_alerts
from api.settings import ServeSettings
from api.signals import MOST_READINGS, nearest
from contracts.alert import AlertAction

ALERTS, NOTES = 300, 250


class NoLog(ActionLog):
    """Takes no action: a test that needs none written."""

    async def write(self, action: AlertAction) -> None:
        raise AssertionError(f"{action} was to be written")


@pytest.fixture
def client(url: str, store: Engine, tmp_path: Path, topics: Topics) -> Iterator[TestClient]:
    alerts = [
        an_alert(f"a{n:03d}", raised_at_ms=NOW_MS + n, severity="critical" if n % 10 == 0 else "warning")
        for n in range(ALERTS)
    ]
    seen = [
        AlertAction(one.alert_id, "seen", "acknowledge", "ann", NOW_MS) for one in alerts if one.severity == "critical"
    ]
    notes = [AlertAction("a005", f"n{n:03d}", "note", "ann", NOW_MS + n, f"note {n}") for n in range(NOTES)]
    project(
        store,
        topics.vehicle(a_vehicle()),
        *map(topics.alert, alerts),
        *(topics.action(one, at_ms=one.at_ms + 50) for one in [*seen, *notes]),
    )
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", action_wait=0)
    with TestClient(build(settings, clock=lambda: NOW_MS, action_log=NoLog())) as client:
        yield client


def listed(client: TestClient, path: str) -> list[dict[str, Any]]:
    """Follow a list of alerts to its end."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(path, params={"cursor": cursor} if cursor else {})
        rows += page.json()["alerts"]
        cursor = page.json()["next_cursor"]
    return rows


def test_an_entry_lists_the_most_urgent_alerts_counts_all_and_says_where_they_are(client: TestClient) -> None:
    (item,) = client.get("/v1/attention").json()["vehicles"]
    assert [one["alert_id"] for one in item["alerts"]] == [f"a{n:03d}" for n in range(0, 100, 10)]
    assert (len(item["alerts"]), item["open_alerts"]) == (MOST_LISTED, ALERTS)
    everything = client.get(item["all_alerts"])
    assert everything.status_code == 200
    assert {one["vehicle_id"] for one in everything.json()["alerts"]} == {VIN}


def test_an_entry_needs_attention_also_for_an_alert_that_is_not_listed(client: TestClient) -> None:
    (item,) = client.get("/v1/attention").json()["vehicles"]
    assert not any(one["needs_attention"] for one in item["alerts"])
    assert item["needs_attention"]


def test_a_vehicle_lists_as_many(client: TestClient) -> None:
    told = client.get(f"/v1/vehicles/{VIN}").json()
    assert (len(told["alerts"]), told["open_alerts"]) == (MOST_LISTED, ALERTS)
    assert told["all_alerts"] == f"/v1/alerts?vehicle_id={VIN}&is_open=true"


def test_an_alert_tells_its_latest_actions_and_counts_all(client: TestClient) -> None:
    told = client.get("/v1/alerts/a005").json()
    assert [one["action_id"] for one in told["actions"]] == [f"n{n:03d}" for n in range(NOTES - MOST_TOLD, NOTES)]
    assert (told["action_count"], told["change_count"], len(told["changes"])) == (NOTES, 1, 1)


def test_an_action_that_is_not_told_any_more_is_still_known_as_done(client: TestClient) -> None:
    again = {"by": "ann", "note": "note 3", "action_id": "n003"}
    assert client.post("/v1/alerts/a005/notes", json=again).status_code == 200
    assert client.post("/v1/alerts/a005/notes", json=again | {"note": "else"}).status_code == 409


def test_no_more_rows_are_fetched_than_are_listed(client: TestClient, store: Engine) -> None:
    assert client is not None
    with store.connect() as connection:
        assert len(open_alerts(connection, [VIN])[VIN]) == MOST_LISTED


def test_a_vehicles_alerts_are_found_along_an_index(client: TestClient, store: Engine) -> None:
    """Neither sorted nor looked up one by one, so that thousands of them cost little."""
    assert client is not None
    asked: list[tuple[str, Any]] = []
    with store.connect() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        open_alerts(connection, [VIN])
        statement, given = asked[-1]
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
    assert any("COVERING INDEX alerts_open (is_open=? AND vehicle_id=?)" in step for step in plan), plan


def test_readings_around_an_alert_are_the_nearest_ones_in_their_order() -> None:
    rows = [{"received_at_ms": NOW_MS + n, "offset": n} for n in range(3 * MOST_READINGS)]
    kept = nearest(rows, NOW_MS + 2 * MOST_READINGS)
    assert [row["offset"] for row in kept] == list(range(3 * MOST_READINGS // 2, 5 * MOST_READINGS // 2))
    assert nearest(rows[:5], 0) == rows[:5]
