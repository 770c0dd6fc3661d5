from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, project
from sqlalchemy import Engine

from api.app import build
from api.settings import ServeSettings
from contracts.record import Record


@pytest.fixture
def client(url: str, tmp_path: Path, store: Engine) -> Iterator[TestClient]:
    assert store is not None
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1")
    with TestClient(build(settings, clock=lambda: NOW_MS)) as client:
        yield client


def at(topics: Topics, vin: str, longitude_deg: float | None, latitude_deg: float | None) -> list[Record]:
    state = a_state(vin, a_trip(900, 50))
    newest = msgspec.structs.replace(state.newest, longitude_deg=longitude_deg, latitude_deg=latitude_deg)
    return topics.flush(msgspec.structs.replace(state, newest=newest))


def found(client: TestClient, **parameters: Any) -> list[str]:
    response = client.get("/v1/positions", params=parameters)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/geo+json")
    return [feature["id"] for feature in response.json()["features"]]


def test_a_vehicle_is_where_its_newest_reading_says(client: TestClient, store: Engine, topics: Topics) -> None:
    alerts = [topics.alert(an_alert("a")), topics.alert(an_alert("b", severity="critical"))]
    project(store, *at(topics, VIN, 11.5, 48.1), *at(topics, OTHER_VIN, None, None), *alerts)
    (feature,) = client.get("/v1/positions").json()["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [11.5, 48.1]}
    assert feature["properties"]["severity"] == "critical"
    assert (feature["id"], feature["properties"]["speed_kmh"]) == (VIN, 50.0)


@pytest.mark.parametrize(
    ("bbox", "vins"),
    [
        ("11,48,12,49", {VIN}),
        ("-180,-90,180,90", {VIN, OTHER_VIN}),
        ("170,-20,-170,20", {OTHER_VIN}),
        ("0,0,1,1", set()),
    ],
)
def test_a_box_holds_those_inside_also_across_the_180th_meridian(
    client: TestClient, store: Engine, topics: Topics, bbox: str, vins: set[str]
) -> None:
    project(store, *at(topics, VIN, 11.5, 48.1), *at(topics, OTHER_VIN, -179.5, 1.0))
    assert set(found(client, bbox=bbox)) == vins


def test_positions_come_by_fleet_and_page_by_page(client: TestClient, store: Engine, topics: Topics) -> None:
    vins = [f"1HGCM82633A00000{n}" for n in range(5)]
    for n, vin in enumerate(vins):
        vehicle = a_vehicle(vin, fleet="south" if n == 4 else "north")
        project(store, topics.vehicle(vehicle), *at(topics, vin, 11.0, 48.0))
    first = client.get("/v1/positions", params={"fleet": "north", "limit": 3}).json()
    assert [feature["id"] for feature in first["features"]] == vins[:3]
    assert found(client, fleet="north", limit=3, cursor=first["next_cursor"]) == [vins[3]]


@pytest.mark.parametrize("bbox", ["", "1,2,3", "a,b,c,d", "nan,0,1,1", "11,49,12,48", "0,0,999,1"])
def test_what_is_no_box_is_refused(client: TestClient, bbox: str) -> None:
    assert client.get("/v1/positions", params={"bbox": bbox}).status_code == 422
