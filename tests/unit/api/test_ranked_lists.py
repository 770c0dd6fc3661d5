from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, project, publish
from sqlalchemy import Engine

from api.period import named_period
from api.projector.publication import Publication
from api.queries.efficiency import Ranking
from api.queries.served import Served
from api.ranked_lists import RankedLists, Remembered
from api.store.database import Store


class Beside(Executor):
    """What was left to do beside the answers, done when the test says so."""

    def __init__(self) -> None:
        self.left: list[Callable[[], object]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.left.append(lambda: fn(*args, **kwargs))
        return Future()

    def work(self) -> None:
        left, self.left = self.left, []
        for task in left:
            task()


class Asking:
    """Asks for a ranking that takes `took_s` seconds, on a clock that otherwise stands."""

    def __init__(self, url: str) -> None:
        self.now_s = 0.0
        self.took_s = 2.0
        self.computed = 0
        self.beside = Beside()
        self._store = Store(url)
        self._lists = RankedLists(self._store, monotonic_s=lambda: self.now_s, beside=self.beside)

    def ask(self) -> list[str]:
        with self._store.snapshot() as connection:
            return [place.key for place in self._remembered(connection).places]

    def _remembered(self, connection: Any) -> Remembered:
        return self._lists.whole(connection, ("vehicles",), self._ranking)

    def _ranking(self, now: Served) -> Ranking:
        self.now_s += self.took_s
        self.computed += 1
        period = named_period("last_7_days", None, now.as_of_day)
        return Ranking("vehicle", "merged", period, now.version, "best", 5_000)

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def asking(url: str, store: Engine, topics: Topics) -> Iterator[Asking]:
    project(store, topics.vehicle(a_vehicle()), topics.vehicle(a_vehicle(OTHER_VIN)))
    project(store, *topics.flush(a_state(VIN, a_trip(9_000, 800))))
    asking = Asking(url)
    assert asking.ask() == [VIN]
    project(store, *topics.flush(a_state(OTHER_VIN, a_trip(9_000, 700))))
    yield asking
    asking.close()


def test_what_takes_no_time_is_always_of_this_moment(asking: Asking) -> None:
    asking.now_s, asking.took_s = 100.0, 0.01
    assert asking.ask() == [OTHER_VIN, VIN]
    assert (asking.ask(), asking.computed) == ([OTHER_VIN, VIN], 2)


def test_what_takes_long_is_computed_anew_beside_the_answers(asking: Asking) -> None:
    asking.now_s += 9.9
    assert (asking.ask(), asking.beside.left) == ([VIN], [])
    asking.now_s += 0.2
    assert asking.ask() == asking.ask() == [VIN]
    assert asking.computed == 1
    asking.beside.work()
    assert (asking.ask(), asking.computed) == ([OTHER_VIN, VIN], 2)


def test_nobody_gets_a_list_of_long_ago(asking: Asking) -> None:
    asking.now_s += 20.1
    assert (asking.ask(), asking.beside.left) == ([OTHER_VIN, VIN], [])


def test_a_new_version_is_served_at_once(asking: Asking, store: Engine, tmp_path: Path) -> None:
    publish(tmp_path / "views", 1, {(VIN, NOW_MS): a_trip(9_000, 800)}, covered={})
    publication = Publication(store, tmp_path / "views", lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    assert (asking.ask(), asking.beside.left) == ([OTHER_VIN, VIN], [])


def test_an_erased_vehicle_is_in_no_list_of_before(asking: Asking, store: Engine, topics: Topics) -> None:
    project(store, topics.erasure(VIN, NOW_MS + 3_600_000))
    assert (asking.ask(), asking.beside.left) == ([OTHER_VIN], [])


def test_what_cannot_be_renewed_is_told_to_who_asks_next(
    asking: Asking, store: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asking.now_s += 12.0
    assert asking.ask() == [VIN]
    store.dispose()
    (tmp_path / "serving.db").rename(tmp_path / "away.db")
    asking.beside.work()
    assert "ranking not renewed" in caplog.text
    (tmp_path / "away.db").rename(tmp_path / "serving.db")
    asking.now_s += 20.0
    assert asking.ask() == [OTHER_VIN, VIN]
