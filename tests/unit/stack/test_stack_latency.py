from __future__ import annotations

import msgspec
import pytest

from contracts.alert import Alert
from contracts.rejection import Rejection
from stack.heard import Heard, HeardAlert
from stack.latency import latencies_ms, percentile

AN_ALERT = Alert(
    alert_id="a",
    change=1,
    vehicle_id="WVWZZZ1KZAW000001",
    rule="coolant",
    rules_hash="0",
    severity="critical",
    state="raised",
    raised_at_ms=0,
    changed_at_ms=0,
    received_at_ms=1_000,
    partition=0,
    offset=0,
    message="",
)
A_REJECTION = Rejection("not_json", "", "vehicle-readings", 3, 17, 0, 1, "")


def heard(received_at_ms: int, stored_at_ms: int, *, timed: bool = False) -> HeardAlert:
    return HeardAlert(msgspec.structs.replace(AN_ALERT, received_at_ms=received_at_ms, timed=timed), stored_at_ms)


def test_readings_from_before_the_hot_path_was_ready_do_not_count() -> None:
    assert latencies_ms([heard(900, 5_000), heard(1_000, 5_000), heard(1_001, 1_011)], after_ms=1_000) == [10]


def test_alerts_that_time_causes_do_not_count() -> None:
    assert latencies_ms([heard(2, 60_002, timed=True), heard(2, 5)], after_ms=0) == [3]


def test_a_broker_clock_that_steps_back_gives_no_negative_latency() -> None:
    assert latencies_ms([heard(10, 7)], after_ms=0) == [0]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(range(1, 101), share) == expected


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.5) is None


def test_a_change_written_twice_counts_once_at_its_first_time() -> None:
    told = Heard()
    told.alert(AN_ALERT, 1_005)
    told.alert(AN_ALERT, 9_000)
    told.alert(msgspec.structs.replace(AN_ALERT, change=2, state="cleared"), 9_001)
    assert [each.stored_at_ms for each in told.alerts] == [1_005, 9_001]
    assert (told.count("raised"), told.count("cleared"), told.count("escalated")) == (1, 1, 0)


def test_a_reading_rejected_twice_counts_once() -> None:
    told = Heard()
    told.rejection(A_REJECTION)
    told.rejection(A_REJECTION)
    assert told.rejected == 1


def test_a_rejection_of_many_counts_as_many() -> None:
    told = Heard()
    told.rejection(A_REJECTION)
    many = msgspec.structs.replace(A_REJECTION, source_offset=18, records=500, source_last_offset=700)
    told.rejection(many)
    told.rejection(many)
    assert told.rejected == 501
