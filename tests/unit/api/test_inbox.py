from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import NOW_MS, OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, partition_of, project
from sqlalchemy import Engine, select

from api.projector.inbox import Inbox
from api.projector.program import work_off
from api.projector.work import ENOUGH_ERASURES, ENOUGH_EVENTS, ENOUGH_REJECTED, ENOUGH_VEHICLES, Work
from api.projector.writing import write
from api.store.database import open_for_writing
from api.store.tables import SAMPLED, metadata
from contracts.alert import ActionKind, AlertAction, AlertState
from contracts.record import Record
from contracts.topics import ENGINE_ALERTS, REJECTED_READINGS, VEHICLE_ERASURES, VEHICLE_STATES, VEHICLES


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_for_writing(f"sqlite:///{tmp_path_factory.mktemp('inbox')}/serving.db")
    yield engine
    engine.dispose()


def empty(store: Engine) -> None:
    with store.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())


def everything(store: Engine) -> dict[str, list[Any]]:
    with store.begin() as connection:
        rows = {
            table.name: connection.execute(select(*(column for column in table.c if column.name not in SAMPLED))).all()
            for table in metadata.sorted_tables
        }
    return {name: sorted(map(tuple, of_table), key=repr) for name, of_table in rows.items() if name != "consumed"}


def some_records() -> list[Record]:
    topics = Topics()
    return [
        topics.vehicle(a_vehicle()),
        topics.vehicle(a_vehicle(fleet="south")),
        topics.alert(an_alert("a", 1)),
        topics.alert(an_alert("a", 2, state="escalated", severity="critical")),
        topics.alert(an_alert("a", 3, state="cleared")),
        topics.alert(an_alert("b", 1, vehicle_id=OTHER_VIN)),
        topics.action(AlertAction("b", "x", "acknowledge", "ann", NOW_MS)),
        topics.action(AlertAction("unheard", "y", "note", "ann", NOW_MS, note="?")),
        topics.rejected(VIN, 1),
        topics.rejected(VIN, 1),
        *topics.flush(a_state(VIN, a_trip(1_000, 90), offset=3)),
        *topics.flush(a_state(VIN, a_trip(2_000, None), offset=6)),
        *topics.flush(a_state(OTHER_VIN, a_trip(500, 60), offset=6)),
    ]


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 14), max_size=4), repeated=st.integers(0, 14))
def test_however_records_are_cut_into_transactions_and_repeated_the_store_is_the_same(
    store: Engine, cuts: list[int], repeated: int
) -> None:
    records = some_records()
    empty(store)
    project(store, *records)
    at_once = everything(store)
    empty(store)
    inbox = Inbox()
    edges = [0, *sorted(cuts), len(records)]
    for begin, end in pairwise(edges):
        with store.begin() as connection:
            write(connection, inbox.take(records[begin:end], None))
    project(store, *records[repeated:])
    assert everything(store) == at_once


def a_flood_of_one_alert() -> list[Record]:
    topics = Topics()
    states: list[AlertState] = ["raised", "escalated", "cleared"]
    changes = [an_alert("a", n, state=states[n % 3], worst={"coolant_c": float(n)}) for n in (7, 1, 2, 5, 3, 6, 8, 4)]
    kinds: list[ActionKind] = ["acknowledge", "note", "resolve", "note", "note", "note"]
    actions = [AlertAction("a", f"x{n}", kind, "ann", NOW_MS) for n, kind in enumerate(kinds)]
    return [
        *(topics.alert(change, at_ms=NOW_MS + n) for n, change in enumerate(changes)),
        *(topics.action(action, at_ms=NOW_MS + n) for n, action in enumerate(actions)),
    ]


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 14), max_size=4), repeated=st.integers(0, 14))
def test_a_flood_of_one_alert_is_kept_the_same_however_it_is_cut_and_repeated(
    store: Engine, cuts: list[int], repeated: int
) -> None:
    records, edges = a_flood_of_one_alert(), [0, *sorted(cuts), 14]
    empty(store)
    project(store, *records)
    (alert,) = everything(store)["alerts"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.episode.MOST_CHANGES", 2)
        patch.setattr("api.episode.MOST_ACTIONS", 2)
        empty(store)
        project(store, *records)
        at_once = everything(store)
        empty(store)
        for begin, end in pairwise(edges):
            project(store, *records[begin:end])
        project(store, *records[repeated:])
        assert everything(store) == at_once
    assert (len(at_once["alert_changes"]), len(at_once["alert_actions"])) == (4, 4)
    assert at_once["alerts"] == [alert]


def test_positions_follow_what_is_ready_to_be_written() -> None:
    topics = Topics()
    records = [topics.alert(an_alert("a")), topics.alert(an_alert("b")), topics.state(a_state(VIN, offset=3))]
    work = Inbox().take(records, None)
    assert work.positions == {(ENGINE_ALERTS.name, partition_of(VIN)): 2}


@pytest.mark.parametrize("topic", [ENGINE_ALERTS.name, VEHICLES.name, REJECTED_READINGS.name])
def test_a_record_that_does_not_decode_is_passed_over_and_its_position_kept(
    topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    work = Inbox().take([Record(topic, 0, 7, NOW_MS, b"k", b"{", [])], None)
    assert work.positions == {(topic, 0): 8}
    assert (work.changes, work.vehicles, work.rejected) == ([], {}, [])
    assert caplog.messages == ["record passed over"]


def test_a_consumer_gets_past_what_nobody_can_take_but_not_past_what_waits_for_its_mark() -> None:
    topics, inbox, partition = Topics(), Inbox(), partition_of(VIN)
    held, garbage = (VEHICLE_STATES.name, partition), (VEHICLE_STATES.name, partition + 1)
    inbox.take([topics.state(a_state(VIN, offset=3)), Record(*garbage, 7, NOW_MS, b"k", b"{", [])], None)
    stands_at = {held: 1, garbage: 8, (VEHICLES.name, 0): 5, (REJECTED_READINGS.name, 0): 0}
    assert inbox.reached(stands_at).positions == {garbage: 8, (VEHICLES.name, 0): 5}
    assert not inbox.reached(stands_at)


def test_a_rejected_record_without_a_vin_belongs_to_nobody() -> None:
    record = Topics().rejected("1HGCM82633O004352", 1)
    (rejected,) = Inbox().take([record._replace(partition=0)], None).rejected
    assert rejected.vehicle_id is None


def test_an_older_change_does_not_overwrite_a_newer(store: Engine) -> None:
    empty(store)
    topics = Topics()
    raised, cleared = topics.alert(an_alert("a", 1)), topics.alert(an_alert("a", 2, state="cleared"))
    project(store, cleared)
    project(store, raised)
    (alert,) = everything(store)["alerts"]
    assert "cleared" in alert


def test_a_state_that_was_written_late_does_not_take_back_what_is_newest(store: Engine) -> None:
    empty(store)
    topics = Topics()
    project(store, *topics.flush(a_state(VIN, a_trip(2_000, 200), offset=9)))
    project(store, *topics.flush(a_state(VIN, a_trip(1_000, 300), offset=4)))
    written = everything(store)
    assert [row[:3] for row in written["marks"]] == [(partition_of(VIN), 10, NOW_MS)]
    assert [row[3:5] for row in written["speed_trips"]] == [(2_000, 300)]
    assert [row[2] for row in written["vehicle_latest"]] == [9]


def test_the_parts_of_work_amount_to_it(store: Engine) -> None:
    erased = [Topics().erasure(OTHER_VIN, NOW_MS + 1)]
    records = [*some_records(), *erased]
    empty(store)
    whole = Inbox().take(records, None)
    with store.begin() as connection:
        write(connection, whole)
    due = everything(store)
    empty(store)
    parts = list(whole.parts())
    for part in parts:
        with store.begin() as connection:
            write(connection, part)
    assert everything(store) == due
    assert {at: offset for part in parts for at, offset in part.positions.items()} == whole.positions
    assert sum(len(part.positions) for part in parts) == len(whole.positions)


def test_people_do_not_wait_for_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.projector.work.ENOUGH_STATES", 1)
    first, *flushes = Inbox().take(some_records(), None).parts()
    assert (len(first.changes), len(first.actions), first.flushes) == (4, 2, [])
    assert [len(part.flushes) for part in flushes] == [1, 1]
    assert [len(part.positions) for part in flushes] == [1, 1]


async def written_by_turns(work: Work, meanwhile: Work) -> list[Work]:
    """Return the transactions in which work is written, when something urgent comes before each of them."""
    written: list[Work] = []

    async def read_urgent() -> Work:
        return replace(meanwhile)

    async def persist(part: Work) -> bool:
        written.append(part)
        return True

    await work_off(work, read_urgent, persist)
    return written


async def test_alerts_are_looked_for_before_everything_that_nobody_waits_for() -> None:
    topics = Topics()
    vins = [f"1HGCM82633A3{n:05d}" for n in range(1_200)]
    meanwhile = Inbox().take([Topics().alert(an_alert("urgent"))], None)
    for records in (
        [topics.vehicle(a_vehicle(vin)) for vin in vins],
        [topics.rejected(VIN, n) for n in range(1_200)],
        [topics.erasure(vin, NOW_MS) for vin in vins],
        [record for vin in vins[:60] for record in topics.flush(a_state(vin, a_trip(1_000, 90), offset=3))],
    ):
        written = await written_by_turns(Inbox().take(records, None), meanwhile)
        assert [part.is_urgent() for part in written] == [True, False] * (len(written) // 2)
        assert all(len(part.vehicles) <= ENOUGH_VEHICLES for part in written)
        assert all(len(part.rejected) <= ENOUGH_REJECTED for part in written)
        assert all(len(part.erasures) <= ENOUGH_ERASURES for part in written)


def positions_of_alerts(written: list[Work]) -> list[int]:
    at = (ENGINE_ALERTS.name, partition_of(VIN))
    return [part.positions[at] for part in written if at in part.positions]


async def test_a_position_never_goes_back_where_all_that_people_wait_for_was_passed_over() -> None:
    topics = Topics()
    unusable = [topics.alert(an_alert("a", n))._replace(value=b"{}") for n in (1, 2)]
    later = Inbox().take([topics.alert(an_alert("b"))], None)
    for others in ([], [topics.vehicle(a_vehicle())], [topics.erasure(VIN, NOW_MS)]):
        work = Inbox().take([*unusable, *others], None)
        assert positions_of_alerts(await written_by_turns(work, later))[:2] == ([2, 3] if others else [2])


async def test_alerts_that_come_later_never_overtake_those_of_their_partition() -> None:
    topics = Topics()
    flood = [topics.alert(an_alert("a", n)) for n in range(1, 3 * ENOUGH_EVENTS)]
    later = Inbox().take([topics.alert(an_alert("b"))], None)
    work = Inbox().take([*flood, topics.vehicle(a_vehicle())], None)
    written = await written_by_turns(work, later)
    assert all(len(part.changes) <= ENOUGH_EVENTS for part in written)
    reached = positions_of_alerts(written)
    assert reached == sorted(reached)
    told = [told.record_offset for part in written for told in part.changes]
    assert told == sorted(told)


def test_a_position_is_written_when_nothing_before_it_is_left() -> None:
    topics = Topics()
    alerts = [topics.alert(an_alert("a", n)) for n in range(1, 250)]
    erased = [topics.erasure(f"1HGCM82633A4{n:05d}", NOW_MS) for n in range(120)]
    parts = list(Inbox().take([*alerts, *erased], None).parts())
    left = {ENGINE_ALERTS.name: len(alerts), VEHICLE_ERASURES.name: len(erased)}
    for part in parts:
        left[ENGINE_ALERTS.name] -= len(part.changes)
        left[VEHICLE_ERASURES.name] -= len(part.erasures)
        assert all(left[topic] == 0 for topic, _ in part.positions)
    assert len(parts) > 4
