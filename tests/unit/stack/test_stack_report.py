from __future__ import annotations

import json

import msgspec
import pytest

from stack.report import Report, complaints, report_bytes

GOOD = Report(
    readings_produced=100,
    readings_processed=97,
    readings_rejected=3,
    alerts_raised=2,
    alerts_cleared=0,
    event_to_alert_p50_ms=4,
    event_to_alert_p99_ms=9,
    seconds_to_first_alert=20.5,
    seconds_to_first_ranking=40.0,
    batch_view_version=2,
    vehicles_ranked=10,
    merged_equals_recompute=True,
    faults_injected=8,
    faults_detected=6,
    fault_recall=1.0,
    false_alarms_per_1000_vehicle_hours=0.0,
    peak_memory_mb=1500,
    programs_restarted=0,
)


def test_a_good_run_has_no_complaints() -> None:
    assert complaints(GOOD) == []


def test_no_fault_lasted_long_enough_is_no_complaint() -> None:
    assert complaints(msgspec.structs.replace(GOOD, fault_recall=None)) == []


@pytest.mark.parametrize("name", [name for name in Report.__struct_fields__ if name != "fault_recall"])
def test_each_missing_figure_is_named(name: str) -> None:
    assert f"{name} is missing" in complaints(msgspec.structs.replace(GOOD, **{name: None}))


@pytest.mark.parametrize("name", ["alerts_raised", "batch_view_version", "vehicles_ranked"])
def test_each_figure_that_may_not_be_zero_is_named(name: str) -> None:
    assert complaints(msgspec.structs.replace(GOOD, **{name: 0})) == [f"{name} is zero"]


def test_merged_answers_that_differ_are_a_complaint() -> None:
    assert complaints(msgspec.structs.replace(GOOD, merged_equals_recompute=False)) == [
        "merged_equals_recompute is false"
    ]


def test_every_reading_produced_was_processed_or_rejected() -> None:
    told = complaints(msgspec.structs.replace(GOOD, readings_processed=96))
    assert told == ["readings_produced is 100, but readings_processed + readings_rejected is 99"]


def test_the_report_is_one_flat_object_with_exactly_the_figures() -> None:
    written = json.loads(report_bytes(GOOD))
    assert list(written) == list(Report.__struct_fields__)
    assert all(not isinstance(value, (dict, list)) for value in written.values())
