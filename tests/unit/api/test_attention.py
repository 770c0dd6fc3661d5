from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, an_alert, got, project
from sqlalchemy import Engine

from contracts.alert import AlertAction, Severity
from contracts.vehicle_state import VehicleState


def test_attention_comes_by_severity_then_unacknowledged_then_age(
    client: TestClient, store: Engine, topics: Topics
) -> None:
    vins = [f"1HGCM82633A00000{n}" for n in range(4)]
    project(
        store,
        topics.alert(an_alert("new", vehicle_id=vins[0], raised_at_ms=NOW_MS)),
        topics.alert(an_alert("seen", vehicle_id=vins[1], raised_at_ms=NOW_MS - 9000)),
        topics.alert(an_alert("old", vehicle_id=vins[2], raised_at_ms=NOW_MS - 5000)),
        topics.alert(an_alert("bad", vehicle_id=vins[3], severity="critical")),
        topics.alert(an_alert("over", vehicle_id=vins[3], state="cleared", severity="critical")),
        topics.action(AlertAction("seen", "x", "acknowledge", "ann", NOW_MS)),
    )
    answer = got(client, "/v1/attention")
    assert [item["vehicle_id"] for item in answer["vehicles"]] == [vins[3], vins[2], vins[0], vins[1]]
    assert answer["vehicles_in_need"] == 4
    assert answer["open_alerts"] == {"critical": 1, "warning": 3, "info": 0}
    assert len(answer["vehicles"][0]["alerts"]) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 50, 60, 500])
def test_a_shorter_list_of_attention_is_the_beginning_of_a_longer_one(
    client: TestClient, store: Engine, topics: Topics, limit: int
) -> None:
    vins = [f"1HGCM82633A00000{n}" for n in range(4)]
    for age, vin in enumerate(reversed(vins)):  # all seen to, and each other one has something new since
        seen, new = f"seen {vin}", f"new {vin}"
        raised = an_alert(seen, vehicle_id=vin, severity="critical", raised_at_ms=NOW_MS - 1_000 * age)
        project(store, topics.alert(raised), topics.action(AlertAction(seen, "x", "acknowledge", "ann", NOW_MS)))
        if age % 2:
            project(store, topics.alert(an_alert(new, vehicle_id=vin, raised_at_ms=NOW_MS)))
    found = got(client, "/v1/attention", limit=limit)["vehicles"]
    assert [(one["vehicle_id"], one["needs_attention"]) for one in found] == [
        (vins[0], True), (vins[1], False), (vins[2], True), (vins[3], False)
    ][:limit]  # fmt: skip


def test_a_car_of_which_nothing_is_believed_needs_attention(client: TestClient, store: Engine, topics: Topics) -> None:
    project(store, *(topics.rejected(VIN, n) for n in range(10)), *(topics.rejected(OTHER_VIN, n) for n in range(9)))
    (item,) = got(client, "/v1/attention")["vehicles"]
    assert (item["vehicle_id"], item["reason"]) == (VIN, "readings_rejected")


@pytest.mark.parametrize(("severity", "reason"), [("info", "readings_rejected"), ("critical", "alert")])
def test_a_car_of_which_nothing_is_believed_stands_where_the_worse_of_its_reasons_puts_it(
    client: TestClient, store: Engine, topics: Topics, severity: Severity, reason: str
) -> None:
    project(store, *(topics.rejected(VIN, n) for n in range(10)), topics.alert(an_alert(severity=severity)))
    (item,) = got(client, "/v1/attention")["vehicles"]
    assert (item["reason"], item["open_alerts"]) == (reason, 1)


def test_a_car_with_most_of_its_readings_rejected_needs_attention(
    client: TestClient, store: Engine, topics: Topics
) -> None:
    for vin, made in ((VIN, 15), (OTHER_VIN, 25)):  # readings made since the first, of which 10 were rejected
        first, last = (replaced(a_state(vin, a_trip(0, 0), offset=n), sequence=100 + n) for n in (0, made))
        project(store, *topics.flush(first), *(topics.rejected(vin, n) for n in range(1, 11)))
        project(store, *topics.flush(last))
    (item,) = got(client, "/v1/attention")["vehicles"]
    assert (item["vehicle_id"], item["reason"]) == (VIN, "readings_rejected")
    assert item["message"] == "10 readings rejected and 5 believed since: not_json"


def replaced(state: VehicleState, **newest: Any) -> VehicleState:
    return msgspec.structs.replace(state, newest=msgspec.structs.replace(state.newest, **newest))


def test_a_car_counts_once_whatever_its_reasons(client: TestClient, store: Engine, topics: Topics) -> None:
    project(
        store,
        topics.alert(an_alert("info", vehicle_id=VIN, severity="info")),
        topics.alert(an_alert("bad", vehicle_id=OTHER_VIN, severity="critical")),
        *(topics.rejected(VIN, n) for n in range(10)),
    )
    answer = got(client, "/v1/attention", limit=1)
    assert ([item["vehicle_id"] for item in answer["vehicles"]], answer["vehicles_in_need"]) == ([OTHER_VIN], 2)
    answer = got(client, "/v1/attention")
    assert [(item["vehicle_id"], len(item["alerts"])) for item in answer["vehicles"]] == [(OTHER_VIN, 1), (VIN, 1)]
