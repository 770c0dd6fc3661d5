"""What one batch on one internal topic can cost the projector: counted in SQLite's steps and plans, never timed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import DAY_MS, NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, an_alert, partition_of, project, publish
from sqlalchemy import Engine, event, func, insert, select

from api.episode import MOST_ACTIONS, MOST_CHANGES
from api.projector import erasure
from api.projector.erasure import is_known
from api.projector.inbox import Inbox
from api.projector.program import work_off
from api.projector.publication import Publication
from api.projector.work import Work
from api.projector.writing import write
from api.store import tables
from contracts.alert import AlertAction
from contracts.record import Record

ERASED_MS = NOW_MS + 1_000
_EVERY = 100


def vins(number: int, prefix: str = "1HGCM82633B") -> list[str]:
    return [f"{prefix}{n:06d}" for n in range(number)]


@contextmanager
def counted_steps(store: Engine) -> Iterator[Callable[[], int]]:
    """Count the steps of SQLite's machine, by hundreds: each row looked at is some of them."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += _EVERY

    with store.connect() as connection:
        driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(step, _EVERY)
    yield lambda: steps
    driver.set_progress_handler(None, 0)


def steps_of(store: Engine, *records: Record) -> int:
    """Return what it takes to write records, in the only connection that there is."""
    with counted_steps(store) as steps:
        project(store, *records)
        return steps()


def project_in_parts(store: Engine, *records: Record) -> int:
    """Write records as the projector does; return the number of transactions."""
    transactions = 0
    for part in Inbox().take(records, None).parts():
        is_written = False
        while not is_written:
            with store.begin() as connection:
                is_written = write(connection, part)
            transactions += 1
    return transactions


def rows(store: Engine, table: Any) -> int:
    with store.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def serve(store: Engine, views: Path) -> int:
    """Let the store follow what is published; return the number of steps."""
    publication = Publication(store, views, lambda: NOW_MS)
    publication.look()
    steps = 0
    while publication.is_loading:
        publication.step()
        steps += 1
    assert publication.is_current
    return steps


@contextmanager
def plans(store: Engine) -> Iterator[list[str]]:
    """Collect how SQLite goes about every statement that reads or deletes."""
    found: list[str] = []

    @event.listens_for(store, "before_cursor_execute")
    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        if re.match("SELECT|DELETE", statement):
            one = parameters[0] if isinstance(parameters, list) else parameters
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", one)
            found.extend(f"{row[3]}: {statement}" for row in cursor.fetchall())

    yield found
    event.remove(store, "before_cursor_execute", explain)


def everything_of(topics: Topics, vin: str, alerts: int = 1) -> list[Record]:
    return [
        *(topics.alert(an_alert(f"{vin}-{n}", vehicle_id=vin)) for n in range(alerts)),
        topics.action(AlertAction(f"{vin}-0", "x", "note", "ann", NOW_MS, note="n")),
        topics.rejected(vin, 1),
        *topics.flush(a_state(vin, a_trip(9_000, 800), offset=8)),
    ]


def test_an_erasure_finds_all_by_keys_and_indexes(store: Engine, topics: Topics, tmp_path: Path) -> None:
    publish(tmp_path, 1, {(VIN, NOW_MS): a_trip(8_000, 700)}, covered={partition_of(VIN): 6})
    serve(store, tmp_path)
    project(store, *everything_of(topics, VIN))
    with plans(store) as found:
        project(store, topics.erasure(VIN, ERASED_MS))
        with store.connect() as connection:
            assert not is_known(connection, VIN)
    scans = [plan for plan in found if plan.startswith("SCAN") and not plan.startswith("SCAN versions")]
    assert (len(found) > 15, scans) == (True, [])
    assert any("batch_trips" in plan and "version=? AND vehicle_id=?" in plan for plan in found)


def test_an_erasure_costs_the_same_however_many_other_trips_there_are(
    store: Engine, topics: Topics, tmp_path: Path
) -> None:
    def cost_among(others: int, version: int) -> int:
        trips = {(vin, NOW_MS + 2_000): a_trip(8_000, 700) for vin in vins(others)}
        publish(tmp_path, version, trips | {(VIN, NOW_MS): a_trip(8_000, 700)}, covered={0: version})
        serve(store, tmp_path)
        return steps_of(store, topics.erasure(VIN, ERASED_MS))

    few = cost_among(10, 1)
    assert cost_among(3_000, 2) < 3 * few


def test_no_transaction_looks_at_erasures_of_other_vehicles(store: Engine, topics: Topics) -> None:
    project(store, topics.alert(an_alert("warm")))
    before = steps_of(store, topics.alert(an_alert("a")))
    with store.begin() as connection:
        connection.execute(
            insert(tables.erased), [{"vehicle_id": vin, "erased_at_ms": ERASED_MS} for vin in vins(5_000)]
        )
    assert steps_of(store, topics.alert(an_alert("b"))) < 2 * before + 10 * _EVERY


def test_thousands_of_erasures_are_many_short_transactions(store: Engine, topics: Topics) -> None:
    project(store, *everything_of(topics, VIN), *everything_of(topics, OTHER_VIN))
    number = project_in_parts(store, *(topics.erasure(vin, ERASED_MS) for vin in [*vins(400), VIN]))
    assert number >= 20
    assert rows(store, tables.erased) == 401
    with store.connect() as connection:
        assert (is_known(connection, VIN), is_known(connection, OTHER_VIN)) == (False, True)


async def test_one_erasure_of_very_much_is_several_transactions_with_alerts_between(
    store: Engine, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_MOST_ALERTS", 10)
    project(store, *everything_of(topics, VIN, alerts=35), *everything_of(topics, OTHER_VIN))
    looked = 0

    async def read_urgent() -> Work:
        nonlocal looked
        looked += 1
        return Work()

    async def persist(part: Work) -> bool:
        with store.begin() as connection:
            return write(connection, part)

    await work_off(Inbox().take([topics.erasure(VIN, ERASED_MS)], None), read_urgent, persist)
    assert looked == 4
    with store.connect() as connection:
        assert (is_known(connection, VIN), is_known(connection, OTHER_VIN)) == (False, True)
        assert connection.scalar(select(tables.consumed.c.next_offset).where(tables.consumed.c.topic.like("%erasures")))


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_an_alert_that_an_erasure_falls_into_is_the_same_whatever_is_read_first(
    store: Engine, topics: Topics, order: tuple[int, ...]
) -> None:
    raised = topics.alert(an_alert("a", 1), at_ms=ERASED_MS - 1)
    cleared = topics.alert(an_alert("a", 2, state="cleared"), at_ms=ERASED_MS + 1)
    records = [raised, cleared, topics.erasure(VIN, ERASED_MS)]
    for which in order:
        project(store, records[which])
    with store.connect() as connection:
        changes = connection.scalars(select(tables.alert_changes.c.change)).all()
        alert = connection.execute(select(tables.alerts.c.state, tables.alerts.c.available_at_ms)).one()
    assert (changes, tuple(alert)) == ([2], ("cleared", ERASED_MS + 1))


def test_a_version_is_erased_from_some_vehicles_at_a_time(
    store: Engine, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_MOST_AT_ONCE", 5)
    erased = vins(23)
    trips = {(vin, NOW_MS): a_trip(8_000, 700) for vin in [*erased, VIN]}
    publish(tmp_path, 1, trips, covered={0: 1})
    project(store, *(topics.erasure(vin, ERASED_MS) for vin in [*erased, *vins(500, "1HGCM82633C")]))
    steps = serve(store, tmp_path)
    assert steps >= 23 // 5
    with store.connect() as connection:
        assert connection.scalars(select(tables.batch_trips.c.vehicle_id)).all() == [VIN]


def test_what_was_erased_for_some_days_only_is_summed_up_anew_by_its_keys(
    store: Engine, topics: Topics, tmp_path: Path
) -> None:
    starts = [NOW_MS - day * DAY_MS for day in range(40)]
    publish(tmp_path, 1, {(VIN, at): a_trip(8_000, 700, started_at_ms=at) for at in starts}, covered={0: 1})
    serve(store, tmp_path)
    project(store, topics.erasure(VIN, starts[3]))
    left = efficiency(store)
    later = {(VIN, at): a_trip(8_000, 700, started_at_ms=at) for at in starts[:3]}
    publish(tmp_path / "due", 2, later, covered={0: 1})
    serve(store, tmp_path / "due")
    assert len(left) > 5
    assert left == efficiency(store)


def efficiency(store: Engine) -> list[Any]:
    """Return the rows of the only version that is in the store."""
    columns = [column for column in tables.batch_fuel_efficiency.c if column.name != "version"]
    with store.connect() as connection:
        return sorted(connection.execute(select(*columns)).all(), key=repr)


def test_one_alert_is_kept_and_folded_within_bounds(store: Engine, topics: Topics) -> None:
    def flood(begin: int, end: int) -> list[Record]:
        changes = [topics.alert(an_alert("a", n), at_ms=NOW_MS + n) for n in range(begin, end)]
        return changes + [
            topics.action(AlertAction("a", f"n{n}", "note", "ann", NOW_MS, note="n"), at_ms=NOW_MS + n)
            for n in range(begin, end)
        ]

    project_in_parts(store, topics.action(AlertAction("a", "x", "acknowledge", "ann", NOW_MS)), *flood(1, 700))
    cost = steps_of(store, *flood(700, 701))
    project_in_parts(store, *flood(701, 3_000))
    assert steps_of(store, *flood(3_000, 3_001)) < 1.5 * cost
    assert rows(store, tables.alert_changes) <= MOST_CHANGES + 5
    assert rows(store, tables.alert_actions) <= MOST_ACTIONS + 3
    with store.connect() as connection:
        alert = connection.execute(select(tables.alerts)).one()
    assert (alert.change, alert.available_at_ms, alert.acknowledged_by) == (3_000, NOW_MS + 1, "ann")


def test_notes_on_an_alert_that_nobody_knows_are_bounded_too(store: Engine, topics: Topics) -> None:
    notes = [AlertAction("unheard", f"n{n}", "note", "ann", NOW_MS, note="n") for n in range(1_000)]
    project_in_parts(store, *map(topics.action, notes))
    assert rows(store, tables.alert_actions) <= MOST_ACTIONS + 3
