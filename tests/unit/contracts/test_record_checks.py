from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import DAY_MS, NOW_MS, OTHER_VIN, VIN, Topics, a_mark, a_state, a_trip, a_vehicle, an_alert, partition_of

from contracts.alert import AlertAction
from contracts.codec import encode
from contracts.errors import MalformedRecord
from contracts.record import Record
from contracts.record_checks import (
    MOST_TRIPS,
    Ends,
    action_in,
    alert_in,
    erasure_in,
    rejection_in,
    snapshot_in,
    vehicle_in,
    written_in,
)
from contracts.snapshot import Snapshot, to_headers
from contracts.topics import DASHCAM_SNAPSHOTS, READING_PARTITIONS
from rules.limits import MOST_TRIPS as KEPT_TRIPS

ENDS: Ends = dict.fromkeys(range(READING_PARTITIONS), 100)
HOME = partition_of(VIN)
A_TRIP = a_trip(1_000, 90)
STATE = a_state(VIN, A_TRIP, offset=10)
ALERT = an_alert()
Check = Callable[[Record], Any]
CHECKS: dict[str, tuple[Check, Record]] = {
    "alert": (lambda record: alert_in(record, ENDS), Topics().alert(ALERT)),
    "state": (lambda record: written_in(record, ENDS), Topics().state(STATE)),
    "mark": (lambda record: written_in(record, ENDS), Topics().mark(a_mark(100, HOME))),
    "vehicle": (vehicle_in, Topics().vehicle(a_vehicle())),
    "action": (action_in, Topics().action(AlertAction("a", "x", "note", "ann", NOW_MS))),
    "erasure": (erasure_in, Topics().erasure(VIN, NOW_MS)),
    "rejection": (lambda record: rejection_in(record, ENDS), Topics().rejected(VIN, 1)),
    "rejection of many": (lambda record: rejection_in(record, ENDS), Topics().rejected_together(1, 99, 50)),
}
FIGURES = st.one_of(
    st.integers(), st.sampled_from([2**31, 2**53, 2**63, 2**64, -1, 10**400]), st.floats(), st.text(), st.none(),
    st.booleans(), st.lists(st.integers(), max_size=2), st.just({}),
)  # fmt: skip
named = pytest.mark.parametrize("name", list(CHECKS))


def changed(record: Record, **fields: Any) -> Record:
    return record._replace(value=msgspec.json.encode(msgspec.json.decode(record.value or b"{}") | fields))


def flaw(check: Check, record: Record) -> str:
    with pytest.raises(MalformedRecord) as refused:
        check(record)
    return refused.value.flaw


@named
def test_what_is_honestly_written_is_believed(name: str) -> None:
    check, record = CHECKS[name]
    assert check(record) is not None


def test_a_state_of_a_hot_path_that_kept_all_trips_of_a_flush_is_believed() -> None:
    check, record = CHECKS["state"]
    assert KEPT_TRIPS * 30 < MOST_TRIPS
    assert len(check(changed(record, trips=[A_TRIP] * MOST_TRIPS)).trips) == MOST_TRIPS


@named
@given(key=st.none() | st.binary(), value=st.none() | st.binary(), headers=st.lists(st.tuples(st.text(), st.binary())))
def test_no_bytes_raise_anything_else(name: str, key: bytes | None, value: bytes | None, headers: Any) -> None:
    check, record = CHECKS[name]
    for made in (record._replace(value=value), record._replace(key=key, value=value, headers=headers)):
        try:
            check(made)
        except MalformedRecord:
            continue


@named
@given(data=st.data())
def test_no_figures_raise_anything_else_and_what_is_believed_can_be_stored(name: str, data: st.DataObject) -> None:
    check, record = CHECKS[name]
    fields = msgspec.json.decode(record.value or b"{}") if not record.headers else dict(record.headers)
    field = data.draw(st.sampled_from(sorted(fields)))
    figure = data.draw(FIGURES)
    if record.headers:
        made = record._replace(headers=[*record.headers, (field, str(figure).encode("utf-8", "replace"))])
    else:
        text = b"%d" % figure if isinstance(figure, int) and abs(figure) > 2**63 else msgspec.json.encode(figure)
        plain = msgspec.json.encode(fields | {field: "HERE"})
        made = record._replace(value=plain.replace(b'"HERE"', text))
    try:
        found = check(made)
    except MalformedRecord:
        return
    assert b"\\u0000" not in encode(found)
    assert all(-(2**63) <= one < 2**63 for one in msgspec.structs.astuple(found) if isinstance(one, int))


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        ("alert", {"offset": 2**63}, "shape"),
        ("alert", {"offset": 100}, "offset"),
        ("alert", {"change": 2**31}, "shape"),
        ("alert", {"partition": (HOME + 1) % READING_PARTITIONS}, "partition"),
        ("alert", {"vehicle_id": OTHER_VIN}, "key"),
        ("alert", {"changed_at_ms": NOW_MS + DAY_MS}, "time"),
        ("alert", {"message": "a\0b"}, "shape"),
        ("alert", {"message": "x" * 10_000}, "shape"),
        ("alert", {"evidence": {"coolant_c": 2**60}}, "shape"),
        ("alert", {"evidence": {f"s{n}": "x" * 4_000 for n in range(40)}}, "size"),
        ("action", {"by": "x" * 200_000}, "size"),
        ("state", {"trips": []}, "shape"),
        ("state", {"trips": [A_TRIP] * (MOST_TRIPS + 1)}, "size"),
        ("state", {"offset": 2**53}, "shape"),
        ("state", {"offset": 2**52}, "offset"),
        ("state", {"partition": 99}, "partition"),
        ("state", {"received_at_ms": NOW_MS + DAY_MS}, "time"),
        ("mark", {"next_offset": 2**53}, "shape"),
        ("mark", {"next_offset": 101}, "offset"),
        ("mark", {"since_offset": 101}, "offset"),
        ("mark", {"new_hour": 2**40}, "time"),
        ("mark", {"work_at_ms": 2**50}, "time"),
        ("mark", {"new_vehicles": -1}, "shape"),
        ("state", {"watched_from_offset": 2**52}, "offset"),
        ("state", {"work_at_ms": NOW_MS + DAY_MS}, "time"),
        ("mark", {"partition": (HOME + 1) % READING_PARTITIONS}, "key"),
        ("mark", {"received_at_ms": NOW_MS + 365 * DAY_MS}, "time"),
        ("action", {"alert_id": "another"}, "key"),
        ("erasure", {"vehicle_id": OTHER_VIN}, "key"),
        ("vehicle", {"vehicle_id": OTHER_VIN}, "key"),
        ("vehicle", {"mass_kg": 1e300}, "shape"),
    ],
)
def test_what_cannot_be_true_is_refused_by_its_flaw(name: str, fields: dict[str, Any], told: str) -> None:
    check, record = CHECKS[name]
    assert flaw(check, changed(record, **fields)) == told


def test_a_state_of_a_car_that_cannot_be_is_refused() -> None:
    check, _ = CHECKS["state"]
    for trip in (a_trip(10_000_000, 90), a_trip(1_000, 10**9), a_trip(1_000, 90, started_at_ms=NOW_MS + DAY_MS)):
        assert flaw(check, Topics().state(a_state(VIN, a_trip(1_000, 90), offset=10, trips=[trip]))) != "key"
    fast = a_state(VIN, a_trip(10_000_000, 90), offset=10, trips=[a_trip(1_000, 90)])
    assert flaw(check, Topics().state(fast)) == "figures"


def test_a_mark_may_reach_the_end_and_is_never_taken_back() -> None:
    check, record = CHECKS["mark"]
    assert check(record).next_offset == 100
    assert flaw(check, record._replace(value=None)) == "shape"


def test_a_mark_counts_no_more_vehicles_than_there_were_readings() -> None:
    check, record = CHECKS["mark"]
    assert flaw(check, changed(record, new_vehicles=101)) == "figures"


def test_without_ends_no_offset_is_judged() -> None:
    assert alert_in(changed(CHECKS["alert"][1], offset=2**50), None).offset == 2**50


def test_a_tombstone_is_that_of_a_vin() -> None:
    _, vehicle = CHECKS["vehicle"]
    assert vehicle_in(vehicle._replace(value=None)) is None
    assert flaw(vehicle_in, vehicle._replace(value=None, key=b"a\0b")) == "key"


def test_a_header_without_a_value_and_a_rejection_of_what_nobody_sent_are_refused() -> None:
    check, record = CHECKS["rejection"]
    assert flaw(check, record._replace(headers=[*record.headers, ("source-offset", None)])) == "shape"  # type: ignore[list-item]
    assert flaw(check, record._replace(headers=[*record.headers, ("source-offset", b"4000")])) == "offset"
    assert flaw(check, record._replace(headers=[*record.headers, ("detail", b"\0")])) == "shape"


def test_a_rejection_of_many_stands_for_records_that_there_are() -> None:
    check, _ = CHECKS["rejection"]
    record = Topics().rejected_together(10, 99, 90)
    assert check(record).number == 90
    assert flaw(check, Topics().rejected_together(10, 99, 91)) == "figures"
    assert flaw(check, Topics().rejected_together(10, 9, 1)) == "figures"
    assert flaw(check, Topics().rejected_together(10, 100, 90)) == "offset"
    assert flaw(check, record._replace(headers=[*record.headers, ("records", b"%d" % 2**31)])) == "shape"
    alone = Topics().rejected(VIN, 1)
    assert flaw(check, alone._replace(headers=[*alone.headers, ("records", b"2")])) == "figures"


def test_a_picture_is_that_of_its_key() -> None:
    shown = Snapshot(VIN, "harsh_braking", NOW_MS, NOW_MS, 1, 50.0)
    partition = 0
    for number in range(DASHCAM_SNAPSHOTS.partitions):
        record = Record(DASHCAM_SNAPSHOTS.name, number, 0, NOW_MS, VIN.encode(), b"", to_headers(shown))
        try:
            assert snapshot_in(record) == shown
        except MalformedRecord as error:
            assert error.flaw == "partition"  # noqa: PT017 - all partitions but one
            partition += 1
    assert partition == DASHCAM_SNAPSHOTS.partitions - 1
