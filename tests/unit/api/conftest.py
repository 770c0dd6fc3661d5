from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Topics
from sqlalchemy import Engine

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
