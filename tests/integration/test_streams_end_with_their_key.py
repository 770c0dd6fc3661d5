"""A real server: a key that is revoked while it reads, and clients that read nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_process import ApiProcess, api_process
from eventually import eventually
from keyed_api import key_of
from serving import NOW_MS, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, project
from sqlalchemy import Engine

from api.security.keys import read_keys, revoked, write_keys
from api.store.database import open_for_writing
from contracts.topics import ENGINE_ALERTS
from stack.memory import resident_mb

STREAMS = ("/v1/alerts/stream", "/v1/positions/stream")
MOST = 20
FROM_THE_BEGINNING = ".".join("0" * ENGINE_ALERTS.partitions)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    engine, topics = open_for_writing(f"sqlite:///{tmp_path}/serving.db"), Topics()
    state = a_state(VIN, a_trip(9_000, 800), offset=3)
    state.newest.latitude_deg, state.newest.longitude_deg = 48.1, 11.5
    alerts = (topics.alert(an_alert(f"a{n:04d}", message="x" * 1_000), at_ms=NOW_MS + n) for n in range(5_000))
    project(engine, topics.vehicle(a_vehicle()), *topics.flush(state), *alerts)
    yield engine
    engine.dispose()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def server(store: Engine, tmp_path: Path) -> Iterator[ApiProcess]:
    with api_process(store, tmp_path, "--keys", str(tmp_path / "keys.json"), "--streams-per-key", str(MOST)) as started:
        yield started


def test_every_stream_of_a_revoked_key_ends_and_those_of_another_go_on(server: ApiProcess, keys: Path) -> None:
    base = f"http://127.0.0.1:{server[0]}"
    mine, other = key_of(keys, "ann", "operator", positions=True), key_of(keys, "bob", "operator", positions=True)
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=30))

        def opened(path: str, key: dict[str, str]) -> Any:
            stream = stack.enter_context(client.stream("GET", base + path, headers=key))
            assert stream.status_code == 200
            lines = stream.iter_lines()
            assert next(lines).startswith("retry:")
            return lines

        ending, going = ([opened(path, key) for path in STREAMS] for key in (mine, other))
        write_keys(keys, revoked(read_keys(keys), "ann", at_ms=NOW_MS))
        for lines in ending:  # each comes to its end as a whole answer, or this would raise or wait
            assert all(isinstance(line, str) for line in lines)
        assert client.get(base + "/v1/attention", headers=mine).status_code == 401
        assert [isinstance(next(lines), str) for lines in going] == [True, True]


def test_clients_that_read_nothing_cost_little_and_one_more_than_may_is_refused(
    server: ApiProcess,
) -> None:
    port, process = server
    before_mb = resident_mb(process.pid)
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(server.deaf_client(f"/v1/alerts/stream?since={FROM_THE_BEGINNING}"))
        base = f"http://127.0.0.1:{port}"
        refused = eventually(lambda: _refused(base), within_s=30)
        assert refused is not None
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) > 0
        assert "--streams-per-key" in refused.json()["detail"]
        assert httpx.get(f"{base}/v1/attention", timeout=30).status_code == 200
        # 5,000 alerts are 12 MB as frames: each of them would have cost that, and now costs a page.
        assert resident_mb(process.pid) - before_mb < MOST * 3


def _refused(base: str) -> httpx.Response | None:
    with httpx.stream("GET", f"{base}/v1/alerts/stream", timeout=30) as answer:
        if answer.status_code != 429:
            return None
        answer.read()
        return answer
