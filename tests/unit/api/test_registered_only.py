"""With --registered-only alerts of vehicles in no registry are kept, but neither shown, sent nor counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, partition_of, project
from sqlalchemy import Engine
from sse import Reader

from api.app import build
from api.live.feed import AlertFeed
from api.live.frame import Wish
from api.live.places import Viewport
from api.live.position_feed import PositionFeed
from api.notifier.program import Notifier
from api.queries.positions import EVERYWHERE
from api.settings import NotifierSettings, ServeSettings
from api.store.database import Store
from contracts.topics import ENGINE_ALERTS, READING_PARTITIONS
from contracts.vehicle_state import VehicleState

STRANGER = OTHER_VIN
START = (0,) * ENGINE_ALERTS.partitions


def state_of(vin: str) -> VehicleState:
    state = a_state(vin, a_trip(9_000, 800), offset=3)
    state.newest.latitude_deg, state.newest.longitude_deg = 48.1, 11.5
    return state


@pytest.fixture(autouse=True)
def _one_of_two_cars_is_registered(store: Engine, topics: Topics) -> None:
    project(
        store,
        topics.vehicle(a_vehicle()),
        topics.alert(an_alert("strange", vehicle_id=STRANGER, severity="critical"), at_ms=NOW_MS + 1),
        topics.alert(an_alert("known"), at_ms=NOW_MS + 2),
        *topics.flush(state_of(VIN)),
        *topics.flush(state_of(STRANGER)),
        *(topics.rejected(f"1HGCM82633A{n:06d}", 100 * n + m) for n in range(2) for m in range(12)),
    )
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE vehicle_latest SET is_silent = 1")


@contextmanager
def asking(url: str, tmp_path: Path, *, registered_only: bool) -> Iterator[TestClient]:
    settings = ServeSettings(
        store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", registered_only=registered_only
    )
    with TestClient(build(settings, clock=lambda: NOW_MS), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(url: str, tmp_path: Path) -> Iterator[TestClient]:
    with asking(url, tmp_path, registered_only=True) as client:
        yield client


def vins(rows: Any) -> list[str]:
    return [row["vehicle_id"] for row in rows]


def test_attention_holds_registered_cars_only_and_counts_no_other(client: TestClient) -> None:
    told = client.get("/v1/attention").json()
    assert vins(told["vehicles"]) == [VIN]
    assert (told["vehicles_in_need"], told["open_alerts"]) == (1, {"critical": 0, "warning": 1, "info": 0})


def test_without_the_setting_all_are_shown(url: str, tmp_path: Path) -> None:
    with asking(url, tmp_path, registered_only=False) as client:
        told = client.get("/v1/attention").json()
        assert told["vehicles_in_need"] == 4
        assert [row["alert_id"] for row in client.get("/v1/alerts").json()["alerts"]] == ["known", "strange"]


@pytest.mark.parametrize(
    "query", ["", "?is_open=true", f"?vehicle_id={STRANGER}", "?severity=critical", "?fleet=north"]
)
def test_lists_of_alerts_hold_those_of_registered_cars(client: TestClient, query: str) -> None:
    assert set(vins(client.get(f"/v1/alerts{query}").json()["alerts"])) <= {VIN}


def test_an_alert_that_is_not_shown_cannot_be_asked_for_or_acted_on(client: TestClient) -> None:
    assert client.get("/v1/alerts/known").status_code == 200
    act = {"by": "ann"}
    answers = [
        client.get("/v1/alerts/strange"),
        client.get("/v1/alerts/strange/signals"),
        client.post("/v1/alerts/strange/acknowledge", json=act),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3


def test_an_unregistered_car_is_known_but_has_no_alerts_to_show(client: TestClient) -> None:
    told = client.get(f"/v1/vehicles/{STRANGER}").json()
    assert (told["alerts"], told["open_alerts"]) == ([], 0)
    counts = {row["vehicle_id"]: row["open_alerts"] for row in client.get("/v1/vehicles").json()["vehicles"]}
    assert counts == {VIN: 1, STRANGER: 0}


def test_silence_and_latency_are_told_of_registered_cars(client: TestClient) -> None:
    told = client.get("/v1/pipeline").json()
    assert (told["silent_vehicles"], told["vehicles"]["silent"]) == ([VIN], 1)
    assert told["event_to_alert"]["alerts"] == 1


def test_the_map_shows_registered_cars(client: TestClient) -> None:
    assert [one["id"] for one in client.get("/v1/positions").json()["features"]] == [VIN]


def test_a_car_that_is_registered_later_is_shown_with_all_its_alerts(
    client: TestClient, store: Engine, topics: Topics
) -> None:
    project(store, topics.vehicle(a_vehicle(STRANGER)))
    assert vins(client.get("/v1/attention").json()["vehicles"]) == [STRANGER, VIN]
    assert client.get("/v1/alerts/strange").status_code == 200


def test_streams_tell_of_registered_cars_and_their_ids_pass_the_others(url: str, store: Engine, topics: Topics) -> None:
    async def story() -> None:
        feed = AlertFeed(Store(url, registered_only=True), every_s=0.001)
        listener = await feed.join(START, Wish())
        chunks, text = listener.chunks(), ""
        project(store, topics.alert(an_alert("strange", 2, vehicle_id=STRANGER)), topics.alert(an_alert("known", 2)))
        while '"change":2' not in text:
            text += (await asyncio.wait_for(anext(chunks), 10)).decode()
        told = [json.loads(event.data) for event in Reader().events(text.split("\n"))]
        assert [(one["alert_id"], one["change"]) for one in told] == [("known", 1), ("known", 2)]

    asyncio.run(story())


def test_the_stream_of_positions_holds_registered_cars(url: str) -> None:
    async def story() -> None:
        chunks = PositionFeed(Store(url, registered_only=True), every_s=0.01).chunks(Viewport(EVERYWHERE), None)
        text = ""
        while "FeatureCollection" not in text:
            text += (await asyncio.wait_for(anext(chunks), 10)).decode()
        assert VIN in text
        assert STRANGER not in text

    asyncio.run(story())


@pytest.mark.parametrize(("registered_only", "wanted"), [(False, ["known", "strange"]), (True, ["known"])])
def test_the_notifier_sends_alerts_of_registered_cars(
    tmp_path: Path,
    registered_only: bool,  # noqa: FBT001 - a parameter of the test
    wanted: list[str],
) -> None:
    file = tmp_path / "webhooks.toml"
    file.write_text('[[webhook]]\nname = "w"\nurl = "http://127.0.0.1/x"\nsecret = "sixteen characters"\n')
    settings = NotifierSettings(webhooks=file, ledger=tmp_path / "ledger.db", registered_only=registered_only)
    notifier = Notifier(settings)
    topics, ends = Topics(), dict.fromkeys(range(READING_PARTITIONS), 100)
    notifier._register(topics.vehicle(a_vehicle()))
    told = [
        topics.alert(an_alert(name, vehicle_id=vin, partition=partition_of(vin)))
        for name, vin in (("known", VIN), ("strange", STRANGER))
    ]
    assert [one.alert_id for record in told for one in notifier._wanted(record, ends)] == wanted
