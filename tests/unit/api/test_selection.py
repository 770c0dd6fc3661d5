from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import (
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
from sqlalchemy import Engine, update

from api.app import build
from api.projector.publication import Publication
from api.settings import ServeSettings
from api.store import tables


@pytest.fixture
def client(url: str, store: Engine, tmp_path: Path, topics: Topics) -> Iterator[TestClient]:
    project(
        store,
        topics.vehicle(a_vehicle()),
        topics.vehicle(a_vehicle(OTHER_VIN)),
        topics.alert(an_alert("a")),
        *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=3)),
    )
    trips = {(vin, NOW_MS): a_trip(9_000, fuel_ml) for vin, fuel_ml in ((VIN, 800), (OTHER_VIN, 700))}
    publish(tmp_path / "views", 1, trips, covered={partition_of(vin): 4 for vin in (VIN, OTHER_VIN)})
    publication = Publication(store, tmp_path / "views", lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    fuel = tables.batch_fuel_efficiency
    with store.begin() as connection:
        for vin, index in ((VIN, 90.0), (OTHER_VIN, 110.0)):
            values = {"efficiency_index": index, "driver_index": 200 - index}
            connection.execute(update(fuel).where(fuel.c.key == vin).values(**values))
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1")
    with TestClient(build(settings, clock=lambda: NOW_MS), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "rows", "field"),
    [
        ("/v1/alerts", "alerts", "alert_id"),
        ("/v1/attention", "vehicles", "severity"),
        ("/v1/vehicles", "vehicles", "fleet"),
        (f"/v1/vehicles/{VIN}/trips", "trips", "distance_m"),
        (f"/v1/vehicles/{VIN}/efficiency", "periods", "period"),
        ("/v1/rankings/fuel-efficiency", "places", "key"),
        ("/v1/views", "versions", "version"),
        ("/v1/rules", "rules", "name"),
    ],
)
def test_rows_hold_only_the_fields_that_are_asked_for(client: TestClient, path: str, rows: str, field: str) -> None:
    whole, chosen = got(client, path), got(client, path, fields=field)
    assert chosen[rows] == [{field: row[field]} for row in whole[rows]]
    assert chosen.keys() == whole.keys()


def test_an_answer_that_is_no_list_holds_only_its_own(client: TestClient) -> None:
    assert got(client, "/v1/alerts/a", fields="alert_id, severity") == {"alert_id": "a", "severity": "warning"}


def test_a_field_that_there_is_not_is_refused_with_those_there_are(client: TestClient) -> None:
    response = client.get("/v1/alerts", params={"fields": "colour"})
    assert response.status_code == 422
    assert "severity" in response.json()["detail"]


def places(client: TestClient, **parameters: Any) -> list[tuple[str, float, float]]:
    answer = got(client, "/v1/rankings/fuel-efficiency", **parameters)
    return [(place["key"], place["efficiency_index"], place["driver_index"]) for place in answer["places"]]


def test_a_ranking_by_an_index_puts_the_lowest_first_and_says_that_it_is_the_batch_view(client: TestClient) -> None:
    first, second = (VIN, 90.0, 110.0), (OTHER_VIN, 110.0, 90.0)
    assert places(client) == [second, first]  # by litres
    assert places(client, by="index") == [first, second]
    assert places(client, by="driver") == [second, first]
    assert places(client, by="index", order="worst") == [second, first]
    assert got(client, "/v1/rankings/fuel-efficiency", by="index")["view"] == "batch"
    page = got(client, "/v1/rankings/fuel-efficiency", by="index", limit=1)
    assert places(client, by="index", limit=1, cursor=page["next_cursor"]) == [second]


def test_the_speed_layer_knows_no_index(client: TestClient) -> None:
    answer = client.get("/v1/rankings/fuel-efficiency", params={"by": "index", "view": "speed"})
    assert answer.status_code == 422
