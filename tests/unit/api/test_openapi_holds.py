"""Whatever the OpenAPI document allows, and much that it does not, is answered without a server error."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, partition_of, project, publish

from api.app import build
from api.projector.publication import Publication
from api.settings import ServeSettings
from api.store.database import open_for_writing
from contracts.alert import AlertAction

EXAMPLES = 12
"""A route; about half a minute in all."""
_STREAMS = ("/v1/alerts/stream", "/v1/positions/stream")
"""They do not end by themselves; tests of their own listen to them."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("openapi")
    url = f"sqlite:///{folder}/serving.db"
    store, topics, views = open_for_writing(url), Topics(), folder / "views"
    project(
        store,
        *(topics.vehicle(a_vehicle(vin)) for vin in (VIN, OTHER_VIN)),
        *(topics.alert(an_alert(f"a{n}"), at_ms=NOW_MS + n) for n in range(3)),
        topics.action(AlertAction("a1", "x", "note", "ann", NOW_MS, note="n")),
        topics.rejected(VIN, 3),
        *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=3)),
    )
    publish(views, 1, {(VIN, NOW_MS): a_trip(9_000, 800)}, covered={partition_of(VIN): 4})
    publication = Publication(store, views, lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    store.dispose()
    return build(
        ServeSettings(
            store=url, views=views, bootstrap="127.0.0.1:1", lake=folder / "lake", keys=folder / "keys.json",
            audit=folder / "audit.jsonl", action_wait=0,
        ),
        clock=lambda: NOW_MS,
    )  # fmt: skip


def operations(app: FastAPI) -> list[Any]:
    described = schemathesis.openapi.from_asgi("/openapi.json", app).exclude(path=list(_STREAMS))
    found: list[Any] = list(described.get_all_operations())
    return [one.ok() for one in found]


def test_no_request_is_answered_by_a_server_error(app: FastAPI) -> None:
    found = operations(app)
    assert len(found) >= 20
    for operation in found:
        holds(operation)


def holds(operation: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        response = case.call()
        if response.status_code == 503:  # there is no Kafka here, and the answer says so
            assert response.headers["content-type"] == ["application/problem+json"]
            return
        case.validate_response(response, checks=[not_a_server_error, content_type_conformance, status_code_conformance])

    asked()
