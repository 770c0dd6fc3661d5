from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, Topics
from sqlalchemy import Engine

from api.app import build
from api.settings import ServeSettings
from api.store.database import open_for_writing


@pytest.fixture(autouse=True)
def _nothing_written_beside_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/serving.db"


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = open_for_writing(url)
    yield engine
    engine.dispose()


@pytest.fixture
def topics() -> Topics:
    return Topics()


@pytest.fixture
def client(url: str, tmp_path: Path) -> Iterator[TestClient]:
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1")
    with TestClient(build(settings, clock=lambda: NOW_MS), raise_server_exceptions=False) as client:
        yield client
