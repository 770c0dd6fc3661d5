"""Answers are encoded from rows, without a model each: byte by byte they are what the models of OpenAPI give.

Only floats from 1e16 on are spelt otherwise (1e22 and 1e+22), which is the same number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel
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
    partition_of,
    project,
    publish,
)
from sqlalchemy import Engine

from api.answers.alert import AlertDetail, AlertPage, Attention
from api.answers.efficiency import RankingAnswer, VehicleEfficiency
from api.answers.position import Positions
from api.answers.vehicle import TripPage, VehicleDetail, VehiclePage
from api.app import build
from api.projector.publication import Publication
from api.settings import ServeSettings
from api.store.database import open_for_writing
from contracts.alert import AlertAction
from contracts.vehicle_state import LiveAverages

ODD = {
    "coolant_c": 1e-7,
    "oil_c": 118.0,
    "none": None,
    "text": 'ü "\\ \u2028',
    "list": [1, 2.5],
}
CASES: list[tuple[str, type[BaseModel], int]] = [
    ("/v1/attention", Attention, 2),
    ("/v1/alerts", AlertPage, 3),
    ("/v1/alerts?limit=1", AlertPage, 1),
    ("/v1/alerts/told", AlertDetail, 2),
    ("/v1/vehicles", VehiclePage, 2),
    ("/v1/vehicles?limit=1", VehiclePage, 1),
    (f"/v1/vehicles/{VIN}", VehicleDetail, 2),
    (f"/v1/vehicles/{OTHER_VIN}", VehicleDetail, 0),
    (f"/v1/vehicles/{VIN}/trips", TripPage, 2),
    (f"/v1/vehicles/{VIN}/trips?view=batch", TripPage, 1),
    (f"/v1/vehicles/{VIN}/efficiency", VehicleEfficiency, 2),
    ("/v1/rankings/fuel-efficiency", RankingAnswer, 2),
    ("/v1/rankings/fuel-efficiency?scope=fleet&limit=1", RankingAnswer, 1),
    ("/v1/positions", Positions, 1),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("described")
    engine = open_for_writing(f"sqlite:///{folder}/serving.db")
    _fill(engine, folder / "views")
    engine.dispose()
    settings = ServeSettings(
        store=f"sqlite:///{folder}/serving.db", views=folder / "views", bootstrap="127.0.0.1:1",
        keys=folder / "keys.json", audit=folder / "audit.jsonl",
    )  # fmt: skip
    with TestClient(build(settings, clock=lambda: NOW_MS)) as client:
        yield client


def _fill(engine: Engine, views: Path) -> None:
    topics, yesterday_ms = Topics(), NOW_MS - DAY_MS
    registry = {VIN: a_vehicle(), OTHER_VIN: a_vehicle(OTHER_VIN, fleet="south")}
    batch = {
        (VIN, yesterday_ms): a_trip(8_000, 800, started_at_ms=yesterday_ms),
        (OTHER_VIN, yesterday_ms): a_trip(9_000, 450, started_at_ms=yesterday_ms),
    }
    publish(views, 1, batch, covered={partition_of(VIN): 5, partition_of(OTHER_VIN): 5}, registry=registry)
    publication = Publication(engine, views, lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    state = a_state(VIN, a_trip(9_000, 900, started_at_ms=NOW_MS), offset=9, averages=LiveAverages(speed_kmh=90.0))
    state.newest.latitude_deg, state.newest.longitude_deg = 48.1, 11.5
    project(
        engine,
        *(topics.vehicle(vehicle) for vehicle in registry.values()),
        *topics.flush(state),
        topics.alert(an_alert("told", evidence=ODD, worst={"coolant_c": 121.5}, latitude_deg=48.0, longitude_deg=11.0)),
        topics.alert(an_alert("told", change=2, state="escalated", severity="critical")),
        topics.alert(an_alert("over", state="cleared", clear_reason="signal_lost")),
        topics.alert(an_alert("else", rule="oil", trouble_code="P0217")),
        topics.action(AlertAction("told", "x", "note", "ann", NOW_MS, "called")),
        topics.action(AlertAction("told", "y", "acknowledge", "bob", NOW_MS)),
        *(topics.rejected(OTHER_VIN, n) for n in range(12)),
    )


@pytest.mark.parametrize(("path", "model", "rows"), CASES)
def test_an_answer_is_what_its_model_gives(client: TestClient, path: str, model: type[BaseModel], rows: int) -> None:
    response = client.get(path)
    assert response.status_code == 200, response.text
    answer = model.model_validate_json(response.content, strict=True)
    held = [value for value in dict(answer).values() if isinstance(value, list)]
    assert not held or max(map(len, held)) == rows, held
    assert response.content.decode() == answer.model_dump_json()
