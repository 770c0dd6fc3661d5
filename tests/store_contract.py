"""What every store must do, whatever it is made of: one class of tests, run against SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from fastapi.testclient import TestClient
from serving import (
    NOW_MS,
    OTHER_VIN,
    VIN,
    Topics,
    a_state,
    a_trip,
    a_vehicle,
    an_alert,
    got,
    partition_of,
    point,
    project,
    publish,
)
from sqlalchemy import Engine, func, literal, select, union_all
from sqlalchemy.exc import DBAPIError

from api.app import build
from api.projector.publication import Publication
from api.queries.alert_events import count_between, events_between, next_offsets
from api.queries.alerts import (
    AlertFilter,
    alerts_newest_first,
    count_open,
    count_open_of,
    one_alert,
    open_alerts,
    vehicles_in_need,
)
from api.settings import ServeSettings
from api.store import tables
from api.store.address import identity_of
from api.store.database import Store, open_for_writing
from api.store.dialect import by_column, greater
from contracts.alert import AlertAction
from contracts.errors import InvalidInput, Unavailable
from contracts.topics import ENGINE_ALERTS
from contracts.vehicle_state import TripTotals, greatest


class StoreContract:
    """Give a fixture `url`: the address of a store that is not there yet."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[Engine]:
        engine = open_for_writing(url)
        yield engine
        engine.dispose()

    @pytest.fixture
    def views(self, tmp_path: Path) -> Path:
        return tmp_path / "views"

    @pytest.fixture
    def client(self, url: str, store: Engine, views: Path) -> Iterator[TestClient]:
        assert store is not None
        settings = ServeSettings(store=url, views=views, bootstrap="127.0.0.1:1")
        with TestClient(build(settings, clock=lambda: NOW_MS), raise_server_exceptions=False) as client:
            yield client

    def test_migrations_lead_to_the_tables(self, store: Engine) -> None:
        with store.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []

    def test_opening_again_changes_nothing(self, url: str, store: Engine) -> None:
        project(store, Topics().vehicle(a_vehicle()))
        open_for_writing(url).dispose()
        assert rows(store, tables.vehicles) == 1

    def test_before_the_first_migration_readers_are_told_to_wait(self, url: str) -> None:
        with pytest.raises(Unavailable, match="api projector"), Store(url).snapshot():
            pass

    def test_a_store_of_a_newer_program_is_refused(self, url: str, store: Engine) -> None:
        with store.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(InvalidInput, match="another version"):
            open_for_writing(url)

    def test_a_reader_cannot_write(self, url: str, store: Engine) -> None:
        assert store is not None
        reading = Store(url)
        with reading.snapshot() as connection, pytest.raises(DBAPIError, match=r"read-?only"):
            connection.execute(tables.marks.delete())
        reading.close()

    def test_a_snapshot_sees_one_state_of_the_store(self, url: str, store: Engine) -> None:
        reading, count = Store(url), select(func.count()).select_from(tables.alerts)
        with reading.snapshot() as connection:
            assert connection.scalar(count) == 0
            project(store, Topics().alert(an_alert()))
            assert connection.scalar(count) == 0
        with reading.snapshot() as connection:
            assert connection.scalar(count) == 1
        reading.close()

    def test_alerts_of_cars_in_no_registry_can_be_left_out(self, url: str, store: Engine) -> None:
        topics = Topics()
        known, strange = an_alert("known"), an_alert("strange", vehicle_id=OTHER_VIN)
        project(store, topics.vehicle(a_vehicle()), topics.alert(known), topics.alert(strange))
        found = {}
        for registered_only in (False, True):
            reading = Store(url, registered_only=registered_only)
            with reading.snapshot() as connection:
                begin, end = (0,) * ENGINE_ALERTS.partitions, next_offsets(connection)
                events, reached = events_between(connection, begin, end, most=10)
                assert (reached, count_between(connection, begin, end, most=10)) == (end, 2)
                vins = [VIN, OTHER_VIN]
                found[registered_only] = (
                    sorted(vehicles_in_need(connection, limit=9)),
                    sorted(open_alerts(connection, vins)),
                    [count_open_of(connection, vins)[vin] for vin in vins],
                    count_open(connection)["vehicles"],
                    sorted(row.alert_id for row in alerts_newest_first(connection, AlertFilter(), after=None, limit=9)),
                    one_alert(connection, "strange") is not None,
                    sorted(event.event.split('"')[3] for event in events if event.is_shown),
                )
            reading.close()
        both = sorted([VIN, OTHER_VIN])
        assert found[False] == (both, both, [(1, 1), (1, 1)], 2, ["known", "strange"], True, ["known", "strange"])
        assert found[True] == ([VIN], [VIN], [(1, 1), (0, 0)], 1, ["known"], False, ["known"])

    def test_a_store_that_lost_its_tables_is_another_one(self, store: Engine) -> None:
        before = identity_of(store)
        assert identity_of(store) == before
        if store.dialect.name == "postgresql":
            with store.begin() as connection:
                connection.exec_driver_sql("DROP TABLE consumed")
            assert identity_of(store) != before

    def test_the_greater_of_two_columns_is_that_of_two_counters(self, store: Engine) -> None:
        kind = tables.speed_trips.c.fuel_ml.type
        with store.connect() as connection:
            for left, right in product((None, 0, 3, 9), repeat=2):
                query = select(greater(literal(left, kind), literal(right, kind)))
                assert connection.scalar(query) == greatest(left, right)

    def test_columns_are_read_whole_in_order_and_exact(self, store: Engine) -> None:
        given = [(n / 7, f'"{chr(233 + n)}', 10**12 + n) for n in range(50)] + [(5.5, "5", -1), (1e-7, "", 0)]
        each = (select(*(literal(one).label(name) for name, one in zip("fti", row, strict=True))) for row in given)
        rows = union_all(*each).subquery()
        with store.connect() as connection:
            columns = by_column(connection, select(rows).order_by(rows.c.f))
            assert [json.loads(one) for one in columns] == list(map(list, zip(*sorted(given), strict=True)))
            assert by_column(connection, select(rows).where(rows.c.f < 0)) == ["[]"] * 3

    def test_what_is_written_twice_stands_once(self, store: Engine, views: Path) -> None:
        topics = Topics()
        records = [
            topics.vehicle(a_vehicle()),
            topics.alert(an_alert("a", 1)),
            topics.alert(an_alert("a", 2, state="cleared", clear_reason="recovered")),
            topics.action(AlertAction("a", "x", "acknowledge", "ann", NOW_MS)),
            topics.rejected(VIN, 3),
            *topics.flush(a_state(VIN, a_trip(9_000, None), offset=8)),
        ]
        project(store, *records)
        serve(store, views, 1, {(VIN, NOW_MS): a_trip(8_000, 700)}, covered=6)
        before = contents(store)
        project(store, *records)
        assert contents(store) == before

    def test_maxima_win_and_nothing_overwrites_something(self, store: Engine) -> None:
        topics = Topics()
        project(store, *topics.flush(a_state(VIN, a_trip(9_000, 800, idle_s=None), offset=8)))
        project(store, *topics.flush(a_state(VIN, a_trip(8_000, None, idle_s=7), offset=9)))
        trips = tables.speed_trips.c
        with store.connect() as connection:
            row = connection.execute(select(trips.distance_m, trips.fuel_ml, trips.idle_s, trips.source_offset)).one()
        assert tuple(row) == (9_000, 800, 7, 9)

    def test_a_tombstone_takes_a_vehicle_out_of_the_registry(self, store: Engine) -> None:
        topics = Topics()
        project(store, topics.vehicle(a_vehicle()), topics.vehicle(a_vehicle(OTHER_VIN)))
        project(store, topics.vehicle_gone(VIN))
        assert registered(store) == [OTHER_VIN]
        project(store, topics.vehicle(a_vehicle()), topics.vehicle_gone(VIN), topics.vehicle(a_vehicle()))
        assert registered(store) == [VIN, OTHER_VIN]

    def test_versions_are_loaded_served_and_rolled_back(self, store: Engine, views: Path) -> None:
        for version in range(1, 8):
            serve(store, views, version, {(VIN, NOW_MS + version): a_trip(1_000 * version, 90)}, covered=version)
        point(views, 3)
        follow(store, views)
        with store.connect() as connection:
            assert connection.scalar(select(tables.serving_version.c.version)) == 3
            kept = connection.scalars(select(tables.batch_trips.c.version).order_by(tables.batch_trips.c.version))
            assert list(kept) == [3, 4, 5, 6, 7]

    def test_both_questions_are_answered_merged(self, client: TestClient, store: Engine, views: Path) -> None:
        topics = Topics()
        project(
            store,
            topics.vehicle(a_vehicle()),
            topics.vehicle(a_vehicle(OTHER_VIN, fleet="south")),
            topics.alert(an_alert("a", severity="critical")),
            topics.alert(an_alert("b", vehicle_id=OTHER_VIN)),
            *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=8)),
            *topics.flush(a_state(OTHER_VIN, a_trip(6_000, 300), offset=8)),
        )
        trip = a_trip(8_000, 700)
        serve(store, views, 1, {(VIN, trip.trip_started_at_ms): trip}, covered=6)
        needs = got(client, "/v1/attention")["vehicles"]
        assert [item["vehicle_id"] for item in needs] == [VIN, OTHER_VIN]
        for scope, keys in {"vehicle": [OTHER_VIN, VIN], "fleet": ["south", "north"], "model": None}.items():
            for kind in ("day", "week", "month", "last_7_days"):
                ranking = got(client, "/v1/rankings/fuel-efficiency", scope=scope, period_kind=kind)
                places = {place["key"]: (place["distance_m"], place["fuel_ml"]) for place in ranking["places"]}
                assert keys is None or list(places) == keys
                assert sum(distance for distance, _ in places.values()) == 15_000
        answers = {view: got(client, f"/v1/vehicles/{VIN}/trips", view=view) for view in ("merged", "batch", "speed")}
        assert {view: answer["trips"][0]["distance_m"] for view, answer in answers.items()} == {
            "merged": 9_000,
            "batch": 8_000,
            "speed": 9_000,
        }

    def test_every_list_is_read_page_by_page(self, client: TestClient, store: Engine) -> None:
        topics, vins = Topics(), [f"1HGCM82633A00000{n}" for n in range(5)]
        for n, vin in enumerate(vins):
            newest = a_state(vin, a_trip(6_000 + n, 500), offset=n)
            project(
                store,
                topics.vehicle(a_vehicle(vin)),
                topics.alert(an_alert(f"a{n}", vehicle_id=vin), at_ms=NOW_MS + n),
                *topics.flush(newest),
            )
        assert paged(client, "/v1/vehicles", "vehicles", "vehicle_id") == vins
        assert paged(client, "/v1/alerts", "alerts", "alert_id") == ["a4", "a3", "a2", "a1", "a0"]
        assert paged(client, "/v1/rankings/fuel-efficiency", "places", "key") == vins[::-1]
        assert paged(client, "/v1/alerts", "alerts", "alert_id", fleet="north", rule="coolant", is_open=True) == [
            f"a{n}" for n in (4, 3, 2, 1, 0)
        ]

    def test_vehicles_are_either_silent_or_not(self, client: TestClient, store: Engine) -> None:
        topics = Topics()
        never_heard = "1HGCM82633A009999"
        project(store, *(topics.vehicle(a_vehicle(vin)) for vin in (VIN, OTHER_VIN, never_heard)))
        project(store, *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=8)))
        project(store, *topics.flush(a_state(OTHER_VIN, a_trip(9_000, 800), offset=8)))
        with store.begin() as connection:
            silent = tables.vehicle_latest.update().where(tables.vehicle_latest.c.vehicle_id == OTHER_VIN)
            connection.execute(silent.values(is_silent=True))
        for named in ({}, {"fleet": a_vehicle().fleet}):
            assert paged(client, "/v1/vehicles", "vehicles", "vehicle_id", silent=True, **named) == [OTHER_VIN]
            others = paged(client, "/v1/vehicles", "vehicles", "vehicle_id", silent=False, **named)
            assert others == sorted([VIN, never_heard])

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/positions?bbox=11,48,12,49&fleet=north",
            "/v1/pipeline",
            "/v1/views",
            "/v1/rules",
            f"/v1/vehicles/{VIN}",
            f"/v1/vehicles/{VIN}/efficiency?period_kind=week",
            "/v1/vehicles?silent=true&fleet=north",
            "/v1/alerts?fleet=x' OR '1'='1&state=raised&raised_from_ms=0&raised_until_ms=9007199254740992",
            "/health/ready",
        ],
    )
    def test_every_other_question_is_answered(self, client: TestClient, store: Engine, path: str) -> None:
        topics = Topics()
        project(store, topics.vehicle(a_vehicle()), *topics.flush(a_state(VIN, a_trip(9_000, 800), offset=8)))
        project(store, topics.rejected(VIN, 3), topics.alert(an_alert()))
        assert client.get(path).status_code == 200


def paged(client: TestClient, path: str, rows: str, key: str, **parameters: Any) -> list[str]:
    keys, cursor = [], None
    while True:
        page = got(client, path, limit=2, **parameters, **({"cursor": cursor} if cursor else {}))
        keys += [row[key] for row in page[rows]]
        if (cursor := page["next_cursor"]) is None:
            return keys


def rows(store: Engine, table: Any) -> int:
    with store.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def contents(store: Engine) -> dict[str, list[Any]]:
    with store.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in tables.metadata.sorted_tables
        }


def registered(store: Engine) -> list[str]:
    with store.connect() as connection:
        return list(connection.scalars(select(tables.vehicles.c.vehicle_id).order_by(tables.vehicles.c.vehicle_id)))


def serve(store: Engine, views: Path, version: int, trips: dict[tuple[str, int], TripTotals], *, covered: int) -> None:
    publish(views, version, trips, covered={partition_of(VIN): covered}, registry={VIN: a_vehicle()})
    follow(store, views)


def follow(store: Engine, views: Path) -> None:
    publication = Publication(store, views, lambda: NOW_MS)
    publication.look()
    while publication.is_loading:
        publication.step()
    assert publication.is_current
