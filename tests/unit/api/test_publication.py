from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import NOW_MS, VIN, Topics, a_state, a_trip, partition_of, point, project, publish
from sqlalchemy import Engine, func, select

from api.projector import publication as module
from api.projector.publication import Publication
from api.store import tables
from api.store.database import open_for_writing
from contracts.vehicle_state import TripTotals
from contracts.views import Manifest, manifest_bytes, version_folder

P = partition_of(VIN)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    engine = open_for_writing(f"sqlite:///{tmp_path}/serving.db")
    yield engine
    engine.dispose()


@pytest.fixture
def views(tmp_path: Path) -> Path:
    return tmp_path / "views"


def following(store: Engine, views: Path) -> Publication:
    publication = Publication(store, views, lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    return publication


def served(store: Engine) -> int | None:
    with store.begin() as connection:
        return connection.scalar(select(tables.serving_version.c.version))


def versions(store: Engine) -> set[int]:
    with store.begin() as connection:
        return set(connection.scalars(select(tables.batch_trips.c.version)))


def some_trips(number: int) -> dict[tuple[str, int], TripTotals]:
    return {(VIN, NOW_MS + n): a_trip(1_000, 90, started_at_ms=NOW_MS + n) for n in range(number)}


def publish_trips(views: Path, version: int, covered: int = 5) -> Manifest:
    return publish(views, version, some_trips(3), covered={P: covered})


def test_before_the_first_version_nothing_is_awaited(store: Engine, views: Path) -> None:
    assert following(store, views).is_current
    assert served(store) is None


def test_a_version_is_served_only_when_it_is_whole(store: Engine, views: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 1)
    publish_trips(views, 1)
    publication = Publication(store, views, lambda: NOW_MS)
    publication.look()
    for _ in range(4):
        publication.step()
        assert served(store) is None
        assert not publication.is_current
    while publication.is_loading:
        publication.step()
    assert (served(store), publication.is_current) == (1, True)


def test_what_was_half_loaded_when_it_died_is_loaded_anew(
    store: Engine, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 1)
    publish_trips(views, 1)
    killed = Publication(store, views, lambda: NOW_MS)
    killed.look()
    killed.step()
    killed.step()
    following(store, views)
    with store.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.batch_trips)) == 3
    assert served(store) == 1


def test_the_last_five_versions_stay_and_a_rollback_reads_none_again(store: Engine, views: Path) -> None:
    for version in range(1, 8):
        publish_trips(views, version)
        following(store, views)
    assert versions(store) == {3, 4, 5, 6, 7}
    shutil.rmtree(version_folder(views, 3) / "trips")
    point(views, 3)
    following(store, views)
    assert served(store) == 3
    assert versions(store) == {3, 4, 5, 6, 7}


def test_speed_rows_stay_until_the_oldest_kept_version_covers_them(store: Engine, views: Path) -> None:
    topics = Topics()

    def speed_rows() -> int:
        with store.begin() as connection:
            return connection.scalar(select(func.count()).select_from(tables.speed_trips)) or 0

    project(store, *topics.flush(a_state(VIN, a_trip(1_000, 90), offset=10)))
    publish_trips(views, 1, covered=10)
    following(store, views)
    for version in range(2, 6):
        publish_trips(views, version, covered=11)
        following(store, views)
        assert speed_rows() == 1
    publish_trips(views, 6, covered=11)
    following(store, views)
    assert speed_rows() == 0


def test_a_version_that_lacks_rows_is_refused_and_the_old_one_stays(store: Engine, views: Path) -> None:
    publish_trips(views, 1)
    following(store, views)
    publish_trips(views, 2)
    (version_folder(views, 2) / "trips" / "part-0.parquet").unlink()
    assert not following(store, views).is_current
    assert served(store) == 1


def test_views_published_anew_under_the_same_number_are_loaded_anew(store: Engine, views: Path) -> None:
    publish_trips(views, 1)
    following(store, views)
    manifest = publish(views, 1, some_trips(2), covered={P: 7}, as_of_ms=NOW_MS + 5)
    assert manifest_bytes(manifest)
    following(store, views)
    with store.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.batch_trips)) == 2


@pytest.mark.parametrize("pointer", ["", "seven", "99"])
def test_a_pointer_to_nothing_leaves_the_old_version_and_is_told_once(
    store: Engine, views: Path, pointer: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish_trips(views, 1)
    following(store, views)
    (views / "CURRENT").write_text(pointer)
    publication = following(store, views)
    publication.look()
    assert served(store) == 1
    assert caplog.messages.count("published version cannot be read") == 1
