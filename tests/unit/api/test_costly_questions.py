from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from keyed_api import key_of
from serving import NOW_MS, Topics, an_alert, project
from sqlalchemy import Engine

from api.app import build
from api.lengthy import LONG_BYTES, WorkedOnce
from api.ranked_lists import Remembered
from api.routes import rankings
from api.routes.costly import BOUNDS
from api.security.places import _clean
from api.settings import ServeSettings

RANKING = "/v1/rankings/fuel-efficiency"
WITHIN_S = 60.0


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def app(url: str, tmp_path: Path, keys: Path, store: Engine, topics: Topics) -> FastAPI:
    project(store, topics.alert(an_alert("a", latitude_deg=48.1, longitude_deg=11.5)))
    settings = ServeSettings(
        store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1", keys=keys, audit=tmp_path / "audit.jsonl",
        rate_limit=0,
    )  # fmt: skip
    return build(settings, clock=lambda: NOW_MS)


def asking(app: FastAPI, file: Path, name: str) -> httpx.AsyncClient:
    """Return a client with a key of its own, which sees no positions."""
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=key_of(file, name))


class Export:
    """Exports that end when the test says so."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.begun = 0

    def __call__(self, *_: Any) -> bytes:
        self.begun += 1
        self.goes_on.wait(WITHIN_S)
        return b"rank\r\n"


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Iterator[Export]:
    found = Export()
    monkeypatch.setattr(rankings, "_exported", found)
    yield found
    found.goes_on.set()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110 - what it waits for is a thread's
            await asyncio.sleep(0.01)


async def test_many_exports_at_once_leave_threads_to_all_other_questions(
    app: FastAPI, keys: Path, export: Export
) -> None:
    async with asking(app, keys, "greedy") as greedy, asking(app, keys, "modest") as modest:
        exports = [
            asyncio.create_task(
                greedy.get(f"{RANKING}?period_kind=day&period=2026-11-{1 + n % 28:02}", headers={"accept": "text/csv"})
            )
            for n in range(BOUNDS.per_holder + 8)
        ]
        await until(lambda: export.begun == BOUNDS.at_once and sum(one.done() for one in exports) == 8)
        refused = [one.result() for one in exports if one.done()]
        assert [answer.status_code for answer in refused] == [429] * 8
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        quick = [await modest.get(path) for path in ("/v1/attention", "/v1/alerts", "/health/ready", "/health/live")]
        assert [answer.status_code for answer in quick] == [200] * 4
        others = asyncio.create_task(modest.get("/v1/route-savings?scope=fleet"))
        await asyncio.sleep(0)
        export.goes_on.set()
        assert (await others).status_code == 200
        assert not {answer.status_code for answer in await asyncio.gather(*exports)} - {200, 429}


async def test_the_network_is_sent_as_it_is_to_those_who_see_no_positions(
    app: FastAPI, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_into: list[int] = []

    def looked(value: Any) -> Any:
        looked_into.append(1)
        return value

    monkeypatch.setattr("api.security.places.stripped", looked)
    async with asking(app, keys, "blind") as blind:
        packed = await blind.get("/v1/roads", headers={"accept-encoding": "gzip"})
        plain = await blind.get("/v1/roads", headers={"accept-encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert (await blind.get(RANKING)).status_code == 200
        assert looked_into == []
        assert (await blind.get("/v1/alerts")).status_code == 200
        assert looked_into == [1]


async def test_a_long_answer_is_worked_on_once_however_many_ask_for_it() -> None:
    worked: list[bytes] = []

    def work(body: bytes) -> bytes:
        worked.append(body)
        return gzip.compress(body)

    once = WorkedOnce(work, most_bytes=3 * LONG_BYTES)
    long_one, other = b"x" * (2 * LONG_BYTES), b"y" * (2 * LONG_BYTES)
    results = await asyncio.gather(*(once.of(bytes(bytearray(long_one))) for _ in range(50)))
    assert (len(set(results)), len(worked)) == (1, 1)
    await once.of(other)  # there is no room for both
    await once.of(long_one)
    assert len(worked) == 3
    assert gzip.decompress(await once.of(b"short")) == b"short"


async def test_what_cannot_be_worked_on_is_not_remembered() -> None:
    once = WorkedOnce(_clean)
    for _ in range(2):
        with pytest.raises(ValueError, match="malformed"):
            await once.of(b"{" * (2 * LONG_BYTES))


def test_an_export_is_built_once_and_few_are_kept() -> None:
    known = Remembered(*(None,) * 4, 0.0, 0.0, {})  # type: ignore[arg-type]
    csv, ndjson = b"c" * 3_000_000, b"n" * 3_000_000
    assert known.keep(("csv",), csv) is csv
    assert known.keep(("csv",), bytes(bytearray(csv))) is csv
    assert known.keep(("ndjson",), ndjson) is ndjson
    assert list(known.pages) == [("csv",)]
