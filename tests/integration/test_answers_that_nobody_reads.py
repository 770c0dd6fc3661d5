"""A real server, and a key that asks for a hundred long answers at once, each another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from api_process import ApiProcess, api_process
from eventually import eventually
from keyed_api import key_of
from served_http import everything
from serving import Topics, a_state, an_alert, project
from sqlalchemy import Engine

from api.store.database import open_for_writing
from api.unsent import MOST_BYTES
from stack.memory import resident_mb

CARS, ALERTS = 500, 12


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    """Make attention an answer of 4 MB."""
    engine, topics = open_for_writing(f"sqlite:///{tmp_path}/serving.db"), Topics()
    records = []
    for number in range(CARS):
        vin = f"1HGCM826{number:09d}"
        alerts = (an_alert(f"a{number}-{nth}", vehicle_id=vin, message="x" * 250) for nth in range(ALERTS))
        records += [*topics.flush(a_state(vin, offset=number + 1)), *map(topics.alert, alerts)]
    project(engine, *records)
    yield engine
    engine.dispose()


@pytest.fixture
def server(store: Engine, tmp_path: Path) -> Iterator[ApiProcess]:
    with api_process(store, tmp_path, "--keys", str(tmp_path / "keys.json")) as started:
        yield started


@pytest.mark.parametrize("fields", ["", "&fields=vehicle_id,alerts"])
def test_a_hundred_long_answers_that_nobody_reads_cost_what_a_few_do(
    server: ApiProcess, tmp_path: Path, fields: str
) -> None:
    port, process = server
    greedy, modest = (key_of(tmp_path / "keys.json", name) for name in ("greedy", "modest"))

    def asked(key: dict[str, str]) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{port}/v1/attention?limit=500{fields}", headers=key, timeout=60)

    assert len(asked(greedy).content) > MOST_BYTES // 10
    before_mb = resident_mb(process.pid)
    clients = [
        server.deaf_client(f"/v1/attention?limit={CARS - nth}{fields}", {**greedy, "Connection": "close"})
        for nth in range(100)
    ]
    try:
        begun = {client: client.recv(len(b"HTTP/1.1 200")) for client in clients}
        assert set(begun.values()) == {b"HTTP/1.1 200", b"HTTP/1.1 429"}
        assert b"not sent yet" in everything(next(client for client, status in begun.items() if b"429" in status))
        assert asked(modest).status_code == 200
        # They were 1,000 MB more without a bound.
        assert resident_mb(process.pid) - before_mb < 300
    finally:
        for client in clients:
            client.close()
    eventually(lambda: asked(greedy).status_code == 200, within_s=30)
