from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from keyed_api import key_of
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_trip, a_vehicle, partition_of, project, publish
from sqlalchemy import Engine

from api.app import build
from api.errors import Unknown
from api.projector.publication import Publication
from api.routing.places import Places
from api.settings import ServeSettings
from contracts.errors import InvalidInput
from contracts.views import VIEW_COLUMNS, manifest_bytes, version_folder
from roads import Segment, cheapest_route, default_network

NETWORK = default_network()
KINDS = {"string": pa.string(), "int": pa.int32(), "long": pa.int64(), "double": pa.float64()}


@pytest.fixture
def views(tmp_path: Path) -> Path:
    return tmp_path / "views"


@pytest.fixture
def client(url: str, views: Path, tmp_path: Path) -> Iterator[TestClient]:
    settings = ServeSettings(store=url, views=views, bootstrap="127.0.0.1:1", keys=tmp_path / "keys.json")
    with TestClient(build(settings, clock=lambda: NOW_MS), raise_server_exceptions=False) as client:
        yield client


def fuel_of(segment: Segment) -> float:
    """Streets that climb burn more, and by chance some more than others."""
    return round(
        segment.length_m * (0.05 + max(0.0, segment.grade) + random.Random(segment.segment_id).random() / 9), 3
    )


def cost_rows() -> list[dict[str, Any]]:
    none = dict.fromkeys(VIEW_COLUMNS["road_costs"])
    rows = []
    for segment in NETWORK.segments:
        free_s = round(segment.length_m / segment.speed_kmh * 3.6, 3)
        always = none | {"segment_id": segment.segment_id, "vehicle_class": "medium", "traversals": 2}
        rows.append(always | {"time_of_day": "all", "seconds": free_s, "fuel_ml": fuel_of(segment)})
        if segment.segment_id % 2:
            rows.append(always | {"time_of_day": "morning", "seconds": free_s * 3, "fuel_ml": fuel_of(segment) * 2})
    return rows


def a_saving(
    vin: str = VIN, trip: int = 1, *, ends: tuple[int, int] = (0, 9), saved_ml: float = 40.0
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(VIEW_COLUMNS["route_savings"], 0.0)
    return row | {
        "vehicle_id": vin,
        "trip_started_at_ms": trip,
        "leg": 0,
        "vehicle_class": "medium",
        "time_of_day": "day",
        "from_vertex_id": ends[0],
        "to_vertex_id": ends[1],
        "expected_fuel_ml": 400.0,
        "frugal_fuel_ml": 400.0 - saved_ml,
        "saved_fuel_ml": saved_ml,
    }


def serve(
    store: Engine,
    views: Path,
    *,
    network_hash: str = NETWORK.hash,
    savings: list[dict[str, Any]] | None = None,
    ways: list[dict[str, Any]] | None = None,
) -> None:
    """Publish a version that knows roads, and load it."""
    manifest = publish(views, 1, {(VIN, NOW_MS): a_trip(1_000, 90)}, covered={partition_of(VIN): 5})
    of_roads = {"road_costs": cost_rows(), "route_savings": savings or []}
    if ways is not None:
        of_roads["traversals"] = ways
    for view, rows in of_roads.items():
        folder = version_folder(views, 1) / view
        folder.mkdir()
        schema = pa.schema([(name, KINDS[kind]) for name, kind in VIEW_COLUMNS[view].items()])
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / "part-0.parquet")
    counts = manifest.row_counts | {view: len(rows) for view, rows in of_roads.items()}
    whole = msgspec.structs.replace(manifest, road_graph_hash=network_hash, row_counts=counts)
    (version_folder(views, 1) / "manifest.json").write_bytes(manifest_bytes(whole))
    publication = Publication(store, views, lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    assert publication.is_current


def asked(client: TestClient, **parameters: Any) -> Any:
    return client.get("/v1/routes", params=parameters)


def test_the_route_asked_for_stands_first_and_the_others_beside_it(
    client: TestClient, store: Engine, views: Path
) -> None:
    serve(store, views)
    answer = asked(client, **{"from": "12", "to": "300", "by": "fuel"}).json()
    assert [feature["id"] for feature in answer["features"]] == ["fuel", "time", "distance"]
    fuel, time, distance = (feature["properties"] for feature in answer["features"])
    assert fuel["fuel_ml"] <= min(time["fuel_ml"], distance["fuel_ml"])
    assert time["seconds"] <= min(fuel["seconds"], distance["seconds"])
    assert distance["distance_m"] <= min(fuel["distance_m"], time["distance_m"])
    assert (answer["costs"], answer["batch_view_version"]) == ("learnt", 1)
    assert (answer["from"]["vertex_id"], answer["to"]["vertex_id"]) == (12, 300)


def test_a_route_is_the_cheapest_by_the_costs_of_the_served_version(
    client: TestClient, store: Engine, views: Path
) -> None:
    serve(store, views)
    costs = [row["fuel_ml"] for row in cost_rows() if row["time_of_day"] == "all"]
    properties = asked(client, **{"from": "40", "to": "200"}).json()["features"][0]["properties"]
    due = cheapest_route(NETWORK, costs, 40, 200)
    assert due is not None
    assert properties["fuel_ml"] == pytest.approx(due.cost, abs=0.01)
    assert properties["segment_ids"] == list(due.segments)


def test_a_line_leads_from_the_one_place_to_the_other(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views)
    answer = asked(client, **{"from": "39.7434,-104.9847", "to": "Blake Street & 15th Street"}).json()
    line = answer["features"][0]["geometry"]["coordinates"]
    for place, coordinates in ((answer["from"], line[0]), (answer["to"], line[-1])):
        assert coordinates == pytest.approx([place["longitude_deg"], place["latitude_deg"]], abs=1e-5)
    assert "Blake Street" in answer["to"]["name"]
    assert "15th Street" in answer["to"]["name"]
    assert 0 <= answer["from"]["snapped_m"] < 200
    assert all(one != other for one, other in itertools.pairwise(line))


def test_a_time_of_day_has_its_own_costs(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views)
    ends = {"from": "12", "to": "300", "by": "time"}
    whole, morning, night = (
        asked(client, **ends, time_of_day=time).json()["features"][0]["properties"]["seconds"]
        for time in ("all", "morning", "night")
    )
    assert morning > whole == night


def test_before_a_version_knows_roads_time_goes_by_their_speed_and_fuel_is_unknown(
    client: TestClient, store: Engine
) -> None:
    assert store
    answer = asked(client, **{"from": "12", "to": "300", "by": "time"}).json()
    assert [feature["id"] for feature in answer["features"]] == ["time", "distance"]
    assert (answer["costs"], answer["features"][0]["properties"]["fuel_ml"]) == ("speed limits", None)
    refused = asked(client, **{"from": "12", "to": "300"})
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert "ask by time" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("place", "status", "says"),
    [
        ("52.5,13.4", 404, "more than 1000 m from every road"),
        ("95,13.4", 422, "is nowhere"),
        ("99999", 404, "no vertex 99999"),
        ("Colfaks Avenue", 404, "near to it are"),
        ("Blake Street & East Colfax Avenue", 404, "do not meet"),
        ("a & b & c", 422, "is no place"),
        ("&", 422, "is no place"),
        ("12", 422, "a route needs two places"),
    ],
)
def test_a_place_that_is_none_is_told_with_a_remedy(
    client: TestClient, store: Engine, views: Path, place: str, status: int, says: str
) -> None:
    serve(store, views)
    answer = asked(client, **{"from": "12", "to": place})
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]


def test_a_place_that_cannot_be_left_is_told(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views)
    dead_end = next(v for v in range(len(NETWORK.vertices)) if v not in NETWORK.strongly_connected)
    ends = [{"from": str(dead_end), "to": "12"}, {"from": "12", "to": str(dead_end)}]
    answers = [asked(client, **one) for one in ends]
    assert 404 in {answer.status_code for answer in answers}
    assert any("no way leads" in answer.json().get("detail", "") for answer in answers)


def test_costs_of_another_network_are_never_used(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views, network_hash="0" * 64)
    answer = asked(client, **{"from": "12", "to": "300"})
    assert answer.status_code == 503
    assert "--roads" in answer.json()["detail"]


def test_a_class_that_nobody_registered_has_no_routes(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views)
    answer = asked(client, **{"from": "12", "to": "300", "vehicle_class": "heavy"})
    assert (answer.status_code, "none is registered" in answer.json()["detail"]) == (404, True)


def test_the_network_is_one_document_that_a_client_asks_for_once(
    client: TestClient, store: Engine, views: Path
) -> None:
    serve(store, views)
    plain = client.get("/v1/roads", headers={"accept-encoding": "identity"})
    packed = client.get("/v1/roads", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert packed.json() == plain.json()
    features = plain.json()["features"]
    assert len(features) == len(NETWORK.segments)
    assert features[7]["properties"]["litres_per_100km"] == pytest.approx(
        fuel_of(NETWORK.segments[7]) / NETWORK.segments[7].length_m * 100, abs=0.01
    )
    again = client.get("/v1/roads", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/v1/roads", params={"time_of_day": "morning"})
    assert other.headers["etag"] != plain.headers["etag"]


def test_without_a_version_roads_are_drawn_without_costs(client: TestClient, store: Engine) -> None:
    assert store
    properties = client.get("/v1/roads").json()["features"][0]["properties"]
    assert (properties["fuel_ml"], properties["seconds"], properties["traversals"]) == (None, None, None)


def test_savings_are_summed_by_scope_most_first(client: TestClient, store: Engine, views: Path, topics: Topics) -> None:
    project(
        store, *(topics.vehicle(a_vehicle(vin, fleet=fleet)) for vin, fleet in ((VIN, "north"), (OTHER_VIN, "south")))
    )
    rows = [a_saving(trip=1), a_saving(trip=2, saved_ml=10.0), a_saving(OTHER_VIN, 3, ends=(9, 0), saved_ml=45.0)]
    serve(store, views, savings=rows)

    def got(scope: str) -> list[dict[str, Any]]:
        savings: list[dict[str, Any]] = client.get("/v1/route-savings", params={"scope": scope}).json()["savings"]
        return savings

    assert [(one["legs"], one["saved_fuel_ml"], one["saved_pct"]) for one in got("connection")] == [
        (2, 50.0, 6.25),
        (1, 45.0, 11.25),
    ]
    assert got("connection")[0]["from"] == Places(NETWORK).name(0)
    assert [(one["key"], one["saved_fuel_ml"]) for one in got("vehicle")] == [(VIN, 50.0), (OTHER_VIN, 45.0)]
    assert [(one["key"], one["legs"]) for one in got("fleet")] == [("north", 2), ("south", 1)]
    assert [(one["trip_started_at_ms"], one["saved_fuel_ml"]) for one in got("trip")] == [
        (3, 45.0),
        (1, 40.0),
        (2, 10.0),
    ]


def test_an_erased_vehicle_leaves_no_ways(client: TestClient, store: Engine, views: Path, topics: Topics) -> None:
    serve(store, views, savings=[a_saving(trip=1), a_saving(OTHER_VIN, 2)])
    project(store, topics.erasure(VIN, NOW_MS + 10))
    savings = client.get("/v1/route-savings", params={"scope": "vehicle"}).json()["savings"]
    assert [one["key"] for one in savings] == [OTHER_VIN]


def test_who_sees_no_positions_sees_no_connections(url: str, store: Engine, views: Path, tmp_path: Path) -> None:
    serve(store, views, savings=[a_saving()])
    blind = key_of(tmp_path / "keys.json", "blind")
    settings = ServeSettings(store=url, views=views, bootstrap="127.0.0.1:1", keys=tmp_path / "keys.json")
    with TestClient(build(settings, clock=lambda: NOW_MS)) as client:
        client.headers.update(blind)
        assert client.get("/v1/route-savings").status_code == 403
        assert client.get("/v1/route-savings", params={"scope": "vehicle"}).status_code == 200
        roads, plain = (client.get("/v1/roads", headers={"accept-encoding": coding}) for coding in ("gzip", "identity"))
        assert "content-encoding" not in plain.headers
        assert roads.content == plain.content  # looked into before it was packed
        assert len(roads.json()["features"]) == len(NETWORK.segments)


def test_a_street_alone_is_somewhere_on_it() -> None:
    places = Places(NETWORK)
    found = places.find("sherman street")
    assert "Sherman Street" in places.name(found.vertex)
    assert places.find("Sherman Street and East Colfax Avenue").vertex == places.find("0").vertex
    assert places.find("Colfax Avenue").vertex >= 0


def test_a_vertex_without_streets_is_called_by_its_number() -> None:
    assert Places(NETWORK).name_of_id(-5) == "vertex -5"
    with pytest.raises(Unknown):
        Places(NETWORK).find("0,0")
    with pytest.raises(InvalidInput):
        Places(NETWORK).find("10,300")


def a_traversal(place: int, segment_id: int, *, vin: str = VIN, chain: int = 0, **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(VIEW_COLUMNS["traversals"])
    named = {"vehicle_id": vin, "trip_started_at_ms": NOW_MS, "chain": chain, "place": place, "segment_id": segment_id}
    return row | named | given


def a_way(segments: int) -> list[int]:
    """Give segments that follow each other from segment 0 on."""
    way = [0]
    while len(way) < segments:
        end = NETWORK.segments[way[-1]].end
        way.append(next(one.segment_id for one in NETWORK.segments if one.start == end and one.segment_id not in way))
    return way


PATH = f"/v1/vehicles/{VIN}/trips/{NOW_MS}/path"


def test_the_way_of_a_trip_is_drawn_in_driving_order(client: TestClient, store: Engine, views: Path) -> None:
    first, second, third = a_way(3)
    serve(
        store,
        views,
        ways=[
            a_traversal(2, third, left_at_ms=None),
            a_traversal(0, first, left_at_ms=NOW_MS + 1_000),
            a_traversal(1, second, entered_at_ms=NOW_MS + 1_000, left_at_ms=NOW_MS + 9_000, fuel_ml=12.5),
            a_traversal(0, 40, chain=1),
            a_traversal(0, 50, vin=OTHER_VIN),
        ],
    )
    response = client.get(PATH)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/geo+json")
    answer = response.json()
    assert (answer["view"], answer["batch_view_version"], answer["trip_started_at_ms"]) == ("batch", 1, NOW_MS)
    whole, rest = answer["features"]
    assert [feature["properties"]["segment_ids"] for feature in (whole, rest)] == [[first, second, third], [40]]
    shapes = [NETWORK.segments[i].shape for i in (first, second, third)]
    assert whole["geometry"]["coordinates"][0] == list(reversed(shapes[0][0]))
    assert whole["geometry"]["coordinates"][-1] == list(reversed(shapes[2][-1]))
    assert len(whole["geometry"]["coordinates"]) == sum(map(len, shapes)) - 2
    told = whole["properties"]
    assert (told["fuel_ml"], told["entered_at_ms"], told["left_at_ms"]) == (12.5, NOW_MS + 1_000, NOW_MS + 9_000)


def test_a_trip_without_a_way_is_told_why(client: TestClient, store: Engine, views: Path) -> None:
    assert client.get(PATH).status_code == 404
    serve(store, views, ways=[a_traversal(0, 1)])
    assert client.get(PATH).status_code == 200
    unknown = client.get(f"/v1/vehicles/{VIN}/trips/1/path")
    assert (unknown.status_code, "newer than the version" in unknown.json()["detail"]) == (404, True)


def test_a_version_without_roads_tells_no_way(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views)
    assert "holds no ways of trips" in client.get(PATH).json()["detail"]


def test_a_version_that_matched_no_trip_has_roads_and_no_way(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views, ways=[a_traversal(0, 1)])
    for file in views.glob("versions/*/traversals/**/*.parquet"):
        file.unlink()
    answer = client.get(PATH)
    assert (answer.status_code, "knows no way" in answer.json()["detail"]) == (404, True)


def test_ways_on_another_network_are_not_drawn_on_this_one(client: TestClient, store: Engine, views: Path) -> None:
    serve(store, views, network_hash="other", ways=[a_traversal(0, 1)])
    assert client.get(PATH).status_code == 503


def test_a_way_is_kept_from_who_does_not_see_positions(
    client: TestClient, store: Engine, views: Path, tmp_path: Path
) -> None:
    serve(store, views, ways=[a_traversal(0, 1)])
    assert client.get(PATH, headers=key_of(tmp_path / "keys.json", "v")).status_code == 403
