from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from serving import NOW_MS, OTHER_VIN, VIN, Topics, partition_of, project, publish
from sqlalchemy import Engine

from api import problems
from api.dead_letters import DeadLetters
from api.kafka.producer import KafkaWriter, Outgoing
from api.kafka.reader import TopicReader
from api.replay import refusal, resent
from api.routes.rejected import rejected_routes
from api.routes.versions import version_routes
from api.store.database import Store
from contracts.headers import Headers
from contracts.record import Record
from contracts.rejection import Rejection
from contracts.topics import VEHICLE_READINGS
from contracts.views import current_version


class Kafka:
    """The topic rejected-readings as a list, and what is written."""

    def __init__(self, records: list[Record]) -> None:
        self._records: dict[tuple[int, int], Record] = {}
        self.written: list[Outgoing] = []
        self.hold(records)

    def hold(self, records: list[Record]) -> None:
        self._records |= {(record.partition, record.offset): record for record in records}

    async def at(self, _: str, partition: int, offset: int, **__: object) -> Record | None:
        return self._records.get((partition, offset))

    async def write(self, records: Sequence[Outgoing]) -> None:
        self.written += records


@pytest.fixture
def kafka(store: Engine, topics: Topics) -> Kafka:
    records = [topics.rejected(VIN, n, at_ms=NOW_MS + n) for n in range(3)]
    records += [topics.rejected(OTHER_VIN, 7, at_ms=NOW_MS + 9, reason="clock_ahead")]
    project(store, *records)
    return Kafka(records)


@pytest.fixture
def client(url: str, kafka: Kafka, tmp_path: Path) -> Iterator[TestClient]:
    app = FastAPI()
    problems.install(app)
    served = Store(url)
    letters = DeadLetters(served, cast("TopicReader", kafka), cast("KafkaWriter", kafka))
    app.include_router(rejected_routes(served, letters))
    app.include_router(version_routes(tmp_path / "views"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    served.close()


def test_rejected_readings_are_listed_latest_first_page_by_page(client: TestClient) -> None:
    places, cursor = [], None
    while True:
        page = client.get("/v1/rejected-readings", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        places += [(one["source_offset"], one["reason"]) for one in page["rejected"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert places == [(7, "clock_ahead"), (2, "not_json"), (1, "not_json"), (0, "not_json")]
    of_one = client.get("/v1/rejected-readings", params={"reason": "clock_ahead", "vehicle_id": OTHER_VIN}).json()
    assert len(of_one["rejected"]) == 1


def test_one_is_given_with_its_bytes(client: TestClient) -> None:
    assert client.get("/v1/rejected-readings/0/1").json()["value"] == "{"
    for nowhere in ("0/99", "7/1"):
        assert client.get(f"/v1/rejected-readings/{nowhere}").status_code == 404


def test_a_replay_sends_the_bytes_to_the_partition_of_their_key_and_says_so(client: TestClient, kafka: Kafka) -> None:
    answer = client.post("/v1/rejected-readings/replay", json={"records": [{"partition": 0, "offset": 1}]})
    assert answer.json() == {"replayed": 1, "refused": []}
    (sent,) = kafka.written
    assert (sent.topic, sent.key, sent.value) == (VEHICLE_READINGS.name, VIN.encode(), b"{")
    assert sent.partition == partition_of(VIN)
    headers: Headers = sent.headers
    assert dict(headers)["replayed-from"] == b"rejected-readings/0/1"
    assert dict(headers)["replay-count"] == b"3"  # the same bytes were rejected three times


def test_what_depends_on_time_takes_force(client: TestClient, kafka: Kafka) -> None:
    asked: dict[str, Any] = {"vehicle_id": OTHER_VIN}
    refused = client.post("/v1/rejected-readings/replay", json=asked).json()
    assert (refused["replayed"], "force" in refused["refused"][0]["why"]) == (0, True)
    assert client.post("/v1/rejected-readings/replay", json=asked | {"force": True}).json()["replayed"] == 1
    assert len(kafka.written) == 1


@pytest.mark.parametrize(
    "body", [{}, {"records": [], "reason": "x"}, {"records": [{"partition": -1, "offset": 0}]}, {"most": 5}]
)
def test_a_replay_says_which_in_one_way(client: TestClient, body: dict[str, Any]) -> None:
    assert client.post("/v1/rejected-readings/replay", json=body).status_code == 422


def test_those_told_together_are_listed_with_their_number_and_never_sent(
    client: TestClient, kafka: Kafka, store: Engine, topics: Topics
) -> None:
    together = [topics.rejected_together(100 * n, 100 * n + 99, 60) for n in (1, 2, 3)]
    kafka.hold(together)
    project(store, *together)
    listed = client.get("/v1/rejected-readings").json()["rejected"]
    assert sorted(one["records"] for one in listed) == [1, 1, 1, 1, 60, 60, 60]
    place = {"partition": 0, "offset": together[0].offset}
    assert client.get(f"/v1/rejected-readings/0/{place['offset']}").json()["records"] == 60
    refused = client.post("/v1/rejected-readings/replay", json={"records": [place], "force": True}).json()
    assert (refused["replayed"], "stands for 60 records" in refused["refused"][0]["why"]) == (0, True)
    assert not kafka.written


def test_what_was_cut_off_is_never_sent() -> None:
    story = Rejection("too_large", "", "vehicle-readings", 0, 0, 0, length=70_000, sha256="")
    assert "65536 of its 70000 bytes" in (refusal(story, kept_bytes=65_536, times=1, force=True) or "")
    whole = Rejection("not_json", "", "vehicle-readings", 0, 0, 0, length=5, sha256="")
    assert refusal(whole, kept_bytes=5, times=3, force=False) is None
    assert "4 times" in (refusal(whole, kept_bytes=5, times=4, force=False) or "")
    assert refusal(whole, kept_bytes=5, times=4, force=True) is None
    assert resent(b"k", b"v", times=1, origin="x").partition is not None


def test_a_rollback_points_to_a_version_that_is_kept(client: TestClient, tmp_path: Path) -> None:
    for version in (1, 2):
        publish(tmp_path / "views", version, {}, covered={})
        (tmp_path / "views" / "CURRENT").write_text(str(version))
    assert client.post("/v1/views/1/rollback").json() == {"published": 1, "before": 2}
    assert current_version(tmp_path / "views") == 1
    assert client.post("/v1/views/9/rollback").status_code == 404
    assert client.post("/v1/views/0/rollback").status_code == 422
