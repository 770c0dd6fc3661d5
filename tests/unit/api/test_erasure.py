from __future__ import annotations

from pathlib import Path

import pytest
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, partition_of, project, publish
from sqlalchemy import Engine, select

from api.projector.erasure import action_keys, is_known
from api.projector.publication import Publication
from api.projector.retention import Retention
from api.store import tables
from contracts.alert import AlertAction
from contracts.record import Record

ERASED_MS = NOW_MS + 1_000


def everything_of(topics: Topics, vin: str, *, at_ms: int = NOW_MS) -> list[Record]:
    name = f"{vin}-{at_ms}"
    return [
        topics.vehicle(a_vehicle(vin)),
        topics.alert(an_alert(name, vehicle_id=vin), at_ms=at_ms),
        topics.action(AlertAction(name, "x", "note", "ann", at_ms, note="n"), at_ms=at_ms),
        topics.rejected(vin, at_ms % 1_000, at_ms=at_ms),
        *topics.flush(a_state(vin, a_trip(9_000, 800, started_at_ms=at_ms), offset=at_ms % 1000, received_at_ms=at_ms)),
    ]


def knows(store: Engine, vin: str) -> bool:
    with store.connect() as connection:
        return is_known(connection, vin)


def test_an_erased_vehicle_is_gone_and_no_other(store: Engine, topics: Topics) -> None:
    project(store, *everything_of(topics, VIN), *everything_of(topics, OTHER_VIN))
    with store.connect() as connection:
        assert action_keys(connection, VIN) == [f"{VIN}-{NOW_MS}:x".encode()]
    project(store, topics.vehicle_gone(VIN), topics.erasure(VIN, ERASED_MS))
    assert (knows(store, VIN), knows(store, OTHER_VIN)) == (False, True)
    with store.connect() as connection:
        assert (
            connection.scalar(select(tables.rejected.c.vehicle_id).where(tables.rejected.c.vehicle_id == VIN)) is None
        )
        assert action_keys(connection, VIN) == []


def test_a_store_built_anew_never_knows_it_whatever_is_read_first(store: Engine, topics: Topics) -> None:
    old = everything_of(topics, VIN)[1:]  # its registry entry ends in a tombstone
    project(store, topics.erasure(VIN, ERASED_MS))
    project(store, *old)
    assert not knows(store, VIN)
    project(store, *old, topics.erasure(VIN, ERASED_MS))
    assert not knows(store, VIN)


def test_what_comes_after_the_erasure_is_kept(store: Engine, topics: Topics) -> None:
    project(store, topics.erasure(VIN, ERASED_MS), *everything_of(topics, VIN, at_ms=ERASED_MS + 1))
    assert knows(store, VIN)


def test_a_version_from_before_the_erasure_brings_nothing_back(store: Engine, topics: Topics, tmp_path: Path) -> None:
    trip = a_trip(8_000, 700)
    publish(tmp_path, 1, {(vin, NOW_MS): trip for vin in (VIN, OTHER_VIN)}, covered={partition_of(VIN): 6})
    project(store, topics.erasure(VIN, ERASED_MS))
    for _ in range(2):
        publication = Publication(store, tmp_path, lambda: NOW_MS)
        publication.look()
        while publication.is_loading:
            publication.step()
        assert publication.is_current
        assert (knows(store, VIN), knows(store, OTHER_VIN)) == (False, True)
    with store.connect() as connection:
        fuel = tables.batch_fuel_efficiency
        assert set(connection.scalars(select(fuel.c.key).where(fuel.c.scope == "vehicle"))) == {OTHER_VIN}


def test_a_car_that_came_back_is_registered_and_ranked_by_its_later_trips(
    store: Engine, topics: Topics, tmp_path: Path
) -> None:
    project(store, topics.vehicle_gone(VIN), topics.vehicle(a_vehicle()), topics.erasure(VIN, ERASED_MS))
    begun = {(VIN, NOW_MS): a_trip(8_000, 700), (OTHER_VIN, NOW_MS): a_trip(8_000, 700)}
    later = {
        (VIN, started_at_ms): a_trip(distance_m, 1_000, started_at_ms=started_at_ms)
        for started_at_ms, distance_m in ((ERASED_MS + 1, 20_000), (ERASED_MS + DAY_MS, 30_000))
    }
    found = []
    for version, trips in enumerate((begun | later, later | {(OTHER_VIN, NOW_MS): a_trip(8_000, 700)}), start=1):
        publish(tmp_path, version, trips, covered={partition_of(VIN): 6})
        publication = Publication(store, tmp_path, lambda: NOW_MS)
        publication.look()
        while publication.is_loading:
            publication.step()
        found.append([_rows_of(store, table, version) for table in ("fuel_efficiency", "vehicle_days", "trips")])
    assert found[0] == found[1]
    assert sum("50000" in row for row in found[0][0]) >= 2
    with store.connect() as connection:
        assert connection.scalar(select(tables.vehicles.c.fleet).where(tables.vehicles.c.vehicle_id == VIN)) == "north"


def _rows_of(store: Engine, view: str, version: int) -> list[str]:
    table = tables.BATCH[view]
    columns = [column for column in table.c if column.name not in ("version", "readings")]
    with store.connect() as connection:
        return sorted(str(row) for row in connection.execute(select(*columns).where(table.c.version == version)))


DAY_MS = 86_400_000


@pytest.mark.parametrize(("days_old", "is_kept"), [(9, True), (11, False)])
def test_what_is_older_than_its_days_is_deleted(store: Engine, topics: Topics, days_old: int, is_kept: bool) -> None:  # noqa: FBT001
    then = NOW_MS - days_old * DAY_MS
    times = dict.fromkeys(("raised_at_ms", "changed_at_ms", "received_at_ms"), then)
    project(
        store,
        *everything_of(topics, VIN, at_ms=then)[3:],
        topics.alert(an_alert("open", **times), at_ms=then),
        topics.alert(an_alert("over", state="cleared", **times), at_ms=then),
        topics.vehicle(a_vehicle()),
    )
    retention = Retention(alerts_days=10, trips_days=10, positions_days=10, rejected_days=10)
    deleted = list(retention.steps(store, NOW_MS))
    assert sum(deleted) == (0 if is_kept else 4)
    with store.connect() as connection:
        left = set(connection.scalars(select(tables.alerts.c.alert_id)))
        assert left == ({"open", "over"} if is_kept else {"open"})
    assert list(Retention(0, 0, 0, 0).steps(store, NOW_MS * 2)) == []
