from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import NOW_MS, Topics, a_state, a_trip, a_vehicle, project, publish
from sqlalchemy import Engine

from api.app import build
from api.projector.publication import Publication
from api.representation import accepted, csv_table, is_known
from api.settings import ServeSettings

RANKING = "/v1/rankings/fuel-efficiency"
VINS = [f"1HGCM82633A{n:06d}" for n in range(60)]


@pytest.fixture
def client(url: str, tmp_path: Path, store: Engine, topics: Topics) -> Iterator[TestClient]:
    vehicles = [topics.vehicle(a_vehicle(vin, fleet="=1+1")) for vin in VINS]
    project(store, *vehicles)
    for n, vin in enumerate(VINS):
        project(store, *topics.flush(a_state(vin, a_trip(6_000, 300 + n))))
    settings = ServeSettings(store=url, views=tmp_path / "views", bootstrap="127.0.0.1:1")
    with TestClient(build(settings, clock=lambda: NOW_MS)) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("text/csv;q=0.1, application/json;q=0.5", "application/json"),
        ("Application/X-NDJSON ; q=1", "application/x-ndjson"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=x", "application/json"),
        ("image/png", "application/json"),
    ],
)
def test_the_best_liked_of_ours_is_sent(accept: str | None, media: str) -> None:
    assert accepted(accept) == media


@pytest.mark.parametrize(
    ("held", "known"),
    [(None, False), ('W/"a"', True), ('"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False)],
)
def test_a_tag_is_known_when_it_is_held(held: str | None, known: bool) -> None:  # noqa: FBT001
    assert is_known(held, 'W/"a"') is known


def test_no_cell_is_a_formula() -> None:
    assert csv_table(["a", "b"], [{"a": "=1+1", "b": -1.5}]) == b"a,b\r\n'=1+1,-1.5\r\n"


@pytest.mark.parametrize(
    "unseen",
    [
        "", " ", "\t", "\r", "\n", "\ufeff", "\u00a0", "\u200b", " \ufeff\t ", "\x00", "\u2060",
        "\u061c", "\u034f", "\u180e", "\u115f", "\u2800", "\ufe0f",
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u207a")
def test_no_cell_is_a_formula_whatever_stands_before_it(unseen: str, sign: str) -> None:
    table = csv_table(["a"], [{"a": f"{unseen}{sign}1"}]).decode()
    (cell,) = list(csv.reader(io.StringIO(table, newline="")))[1]
    within = re.sub("[\t\r\n]", r"\g<0>'", unseen)  # where tabs or lines separate cells, one begins behind them
    assert cell == f"'{within}{sign}1"


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("unseen", ["", " ", '"', "\u061c", "\u200b"])
def test_no_cell_is_a_formula_for_who_separates_by_something_else(separator: str, unseen: str) -> None:
    table = csv_table(["a", "b"], [{"a": f"a{separator}{unseen}=1+1{separator}b", "b": "x"}]).decode()
    cells = [cell for row in csv.reader(io.StringIO(table, newline=""), delimiter=separator[-1]) for cell in row]
    assert not [cell for cell in cells if cell.lstrip(' "\u061c\u200b').startswith("=")]


def test_every_character_that_is_a_sign_by_compatibility_begins_a_formula() -> None:
    signs = [sign for sign in map(chr, range(sys.maxunicode + 1)) if unicodedata.normalize("NFKC", sign)[0] in "=+-@"]
    table = csv_table(["a"], [{"a": f"{sign}1"} for sign in signs]).decode()
    assert len(signs) > 12
    assert [line[0] for line in table.splitlines()[1:]] == ["'"] * len(signs)


@pytest.mark.parametrize(
    "text", ["", " ", "Honda Accord 2020", " a=b", "a-b", "1-2", "\ufeffx", "a; b=c", "5;7", "front;x-y"]
)
def test_a_cell_that_is_no_formula_stays_as_it_is(text: str) -> None:
    (cell,) = list(csv.reader(io.StringIO(csv_table(["a", "b"], [{"a": text, "b": "x"}]).decode(), newline="")))[1][:1]
    assert cell == text


def test_an_export_has_all_that_are_ranked(client: TestClient) -> None:
    answer = client.get(RANKING, headers={"accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["rank"], row["key"]) for row in rows] == [(str(n), vin) for n, vin in enumerate(VINS, start=1)]
    assert (rows[0]["fleet"], rows[0]["litres_per_100km"]) == ("'=1+1", "5.0")
    lines = client.get(RANKING, params={"limit": 2}, headers={"accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line)["key"] for line in lines] == VINS[:2]
    assert len(client.get(RANKING).json()["places"]) == 50


def test_an_export_has_the_fields_that_are_asked_for_in_their_order(client: TestClient) -> None:
    asked = {"fields": "key,rank,key", "limit": 1}
    table = client.get(RANKING, params=asked, headers={"accept": "text/csv"}).text
    assert table.splitlines() == ["key,rank", f"{VINS[0]},1"]
    lines = client.get(RANKING, params=asked, headers={"accept": "application/x-ndjson"}).text
    assert lines == f'{{"key":"{VINS[0]}","rank":1}}\n'
    assert client.get(RANKING, params=asked | {"fields": "x"}, headers={"accept": "text/csv"}).status_code == 422


def tag(client: TestClient, path: str, **headers: str) -> Any:
    return client.get(path, headers=headers).headers["etag"]


def test_a_ranking_is_sent_again_only_when_it_can_have_changed(
    client: TestClient, store: Engine, topics: Topics
) -> None:
    held = tag(client, RANKING)
    again = client.get(RANKING, headers={"if-none-match": held})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", held)
    assert tag(client, RANKING, accept="text/csv") != held
    assert tag(client, RANKING + "?order=worst") != held
    project(store, *topics.flush(a_state(VINS[0], a_trip(9_000, 900), offset=99)))
    changed = client.get(RANKING, headers={"if-none-match": held})
    assert (changed.status_code, changed.json()["places"][0]["key"]) == (200, VINS[1])


def test_views_are_sent_again_only_when_there_is_another(client: TestClient, store: Engine, tmp_path: Path) -> None:
    held = tag(client, "/v1/views")
    assert client.get("/v1/views", headers={"if-none-match": held}).status_code == 304
    publish(tmp_path / "views", 1, {}, covered={0: 5})
    publication = Publication(store, tmp_path / "views", lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    assert client.get("/v1/views", headers={"if-none-match": held}).json()["served"] == 1
