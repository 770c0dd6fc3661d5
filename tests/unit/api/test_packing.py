from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, Topics, an_alert, project
from sqlalchemy import Engine
from starlette.datastructures import Headers

from api.app import build
from api.packing import PackedFiles, accepts_gzip
from api.settings import ServeSettings

PACKED = {"accept-encoding": "gzip"}
PLAIN = {"accept-encoding": "identity"}
STATIC = Path(__file__).parents[3] / "api" / "static"


@pytest.fixture
def client(url: str, tmp_path: Path, store: Engine, topics: Topics) -> Iterator[TestClient]:
    project(store, *(topics.alert(an_alert(f"a{n}")) for n in range(20)))
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1")
    with TestClient(build(settings, clock=lambda: NOW_MS)) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "is_packed"),
    [
        ("gzip", True), ("br, GZIP;q=0.8", True), ("gzip; q=1.0", True), ("", False), ("br", False), ("*", False),
        ("gzip;q=0", False), ("gzip; q = 0.00", False), ("gzip;x=1;q=0", False), ("gzip;q=nan", False),
        ("gzip;q=-1", False), ("GZIP;Q=0.0", False), ("gzip;q=0.001", True),
    ],
)  # fmt: skip
def test_only_who_accepts_gzip_gets_it(accept: str, *, is_packed: bool) -> None:
    assert accepts_gzip(Headers({"accept-encoding": accept})) is is_packed


def test_a_long_answer_is_packed_and_is_the_same(client: TestClient) -> None:
    packed, plain = (client.get("/v1/alerts", headers=headers) for headers in (PACKED, PLAIN))
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 4
    assert packed.content == plain.content
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/v1/alerts?limit=1", "/v1/alerts/none", "/metrics"])
def test_what_is_short_or_no_answer_goes_as_it_is(client: TestClient, path: str) -> None:
    assert "content-encoding" not in client.get(path, headers=PACKED).headers


def test_an_answer_packed_already_stays_so(client: TestClient) -> None:
    roads = client.get("/v1/roads", headers=PACKED)
    assert roads.headers["content-encoding"] == "gzip"
    assert roads.json()["type"] == "FeatureCollection"


@pytest.mark.parametrize("path", ["/v1/roads", "/v1/alerts", "/", "/static/style.css"])
def test_who_refuses_gzip_gets_none_on_any_route(client: TestClient, path: str) -> None:
    for refusing in ("gzip;q=0", "identity, gzip; q=0.0"):
        answer = client.get(path, headers={"accept-encoding": refusing})
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, None)


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=abc", "bytes=9-5", "bytes=99999999-", "bytes=0-0,2-3,5-"])
def test_a_range_is_ignored(client: TestClient, asked: str) -> None:
    answer = client.get("/static/style.css", headers=PLAIN | {"range": asked})
    assert (answer.status_code, answer.content) == (200, (STATIC / "style.css").read_bytes())


@pytest.mark.parametrize("path", ["nothing.css", "", "js", "../app.py", "%2e%2e/app.py", "..%2f..%2fapi/app.py", "%00"])
def test_what_is_no_file_of_the_folder_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(f"/static/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    client = TestClient(PackedFiles(tmp_path))
    first = client.get("/a.js", headers=PLAIN)
    (tmp_path / "a.js").write_text("other")
    assert (first.text, client.get("/a.js", headers=PLAIN).text) == ("1", "other")
    assert client.get("/a.js", headers=PACKED).text == "other"
    assert client.head("/a.js", headers=PLAIN).headers["content-length"] == "5"
    assert first.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(("path", "file"), [("/", "index.html"), ("/static/style.css", "style.css")])
def test_a_file_is_packed_under_a_tag_of_its_own(client: TestClient, path: str, file: str) -> None:
    packed, plain = (client.get(path, headers=headers) for headers in (PACKED, PLAIN))
    assert packed.content == plain.content == (STATIC / file).read_bytes()
    assert int(packed.headers["content-length"]) == len(gzip.compress(plain.content, 9, mtime=0))
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    for answer, headers in ((packed, PACKED), (plain, PLAIN)):
        again = client.get(path, headers=headers | {"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    held_plain = client.get(path, headers=PACKED | {"if-none-match": plain.headers["etag"]})
    assert (held_plain.status_code, held_plain.headers["etag"]) == (304, plain.headers["etag"])


def test_a_remembered_answer_is_packed_for_one_and_plain_for_another(client: TestClient) -> None:
    first, again, plain = (client.get("/v1/attention", headers=headers) for headers in (PACKED, PACKED, PLAIN))
    assert first.headers["content-encoding"] == again.headers["content-encoding"] == "gzip"
    assert first.content == again.content == plain.content
    assert int(plain.headers["content-length"]) == len(plain.content)
