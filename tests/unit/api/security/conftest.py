from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from serving import NOW_MS, VIN, Topics, a_state, a_trip, an_alert, project
from sqlalchemy import Engine

from api.app import build
from api.settings import ServeSettings


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def app(url: str, tmp_path: Path, keys: Path, request: pytest.FixtureRequest) -> FastAPI:
    """Let a key ask 20 times a second, or as often as the test's parameter says."""
    settings = ServeSettings(
        store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", keys=keys, audit=tmp_path / "audit.jsonl",
        rate_limit=getattr(request, "param", 20), action_wait=0, cors_origins=["https://fleet.example"],
    )  # fmt: skip
    return build(settings, clock=lambda: NOW_MS)


@pytest.fixture
def client(app: FastAPI, store: Engine, topics: Topics) -> Iterator[Callable[..., Any]]:
    newest = a_state(VIN, a_trip(9_000, 800), offset=8)
    newest.newest.latitude_deg, newest.newest.longitude_deg = 48.1, 11.5
    project(store, topics.alert(an_alert("a", latitude_deg=48.1, longitude_deg=11.5)), *topics.flush(newest))

    def ask(method: str, path: str, headers: Any = None, **given: Any) -> Any:
        return test_client.request(method, path, headers=headers, **given)

    with TestClient(app, raise_server_exceptions=False) as test_client:
        yield ask
