from __future__ import annotations

import json
from pathlib import Path

import pytest
from both_paths import recomputed
from disturbed import disturbed_stream
from manifests import a_manifest

from cold_path.verification.comparison import compared
from cold_path.verification.ranking import Answer, Place, RankingComparison, ranking_compared, ranking_of
from cold_path.verification.report import Report
from cold_path.verification.snapshot import EMPTY, Snapshot, read_snapshot
from cold_path.verification.totals import Recomputation, Totals, larger, merged_trips
from contracts.errors import InvalidInput
from observability.terminal import Console

A, B, C = ("1HGCM82633A004352", 1), ("1HGCM82633A004352", 2), ("1HGCM82633A004353", 1)


def test_an_absent_counter_says_nothing() -> None:
    assert (larger(None, 3), larger(3, None), larger(None, None), larger(2, 3)) == (3, 3, None, 3)


def test_merged_is_the_greater_of_each_counter() -> None:
    trips = merged_trips({A: Totals(5, None, 9)}, [(A, Totals(4, 7, None)), (B, Totals(1, None, None))])
    assert trips == {A: Totals(5, 7, 9), B: Totals(1, None, None)}


def test_the_recomputation_agrees_with_the_definition_on_a_disturbed_stream() -> None:
    records = disturbed_stream(11)
    fold = Recomputation()
    for record in records:
        fold.add(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
    expected = {trip: (t.distance_m, t.fuel_ml, t.idle_s) for trip, t in recomputed(records).items()}
    assert fold.trips == expected
    assert (fold.records, fold.rejected > 0) == (len(records), True)


def test_equal_sides_have_no_difference() -> None:
    trips = {A: Totals(5, None, 0), C: Totals(1, 2, 3)}
    found = compared(trips, dict(trips))
    assert (found.is_equal, found.trips, found.vehicles, found.merged_sums) == (True, 2, 2, Totals(6, 2, 3))


def test_every_kind_of_difference_is_counted() -> None:
    found = compared({A: Totals(5, 0, 0), B: Totals(1, 1, 1)}, {A: Totals(5, None, 0), C: Totals(1, 1, 1)})
    assert (found.is_equal, found.differing, found.missing, found.extra) == (False, 1, 1, 1)
    assert [(d.vehicle_id, d.trip_started_at_ms) for d in found.differences] == [A, B, C]


def test_totals_are_complete_up_to_the_mark_or_the_version_whichever_is_further() -> None:
    snapshot = Snapshot({}, {}, {0: 10, 1: 4}, a_manifest(covered_offsets={"1": 6, "2": 3}))
    assert snapshot.reached == {0: 10, 1: 6, 2: 3}


def test_a_store_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert read_snapshot(f"sqlite:///{tmp_path}/serving.db") is EMPTY
    (tmp_path / "serving.db").touch()
    assert read_snapshot(f"sqlite:///{tmp_path}/serving.db") is EMPTY


def test_another_kind_of_store_is_refused_with_one_that_works() -> None:
    with pytest.raises(InvalidInput, match="sqlite:///"):
        read_snapshot("mysql://localhost/x")


def test_the_report_is_flat_json_and_a_table_that_says_so_when_unequal() -> None:
    comparison = compared({A: Totals(5, 0, 0)}, {A: Totals(6, 0, 0)})
    report = Report(comparison, {0: 3}, records=3, rejected=0, version=1, files_equal=True)
    told = json.loads(report.as_json())
    assert (told["equal"], told["trips_differing"], told["offsets"]) == (False, 1, {"0": 3})
    console = Console(width=120)
    with console.capture() as capture:
        console.print(*report.tables())
    assert "NOT EQUAL" in capture.get()
    assert A[0] in capture.get()


def test_files_that_differ_from_the_store_are_no_equality() -> None:
    same = compared({A: Totals(5, 0, 0)}, {A: Totals(5, 0, 0)})
    assert not Report(same, {}, records=1, rejected=0, version=1, files_equal=False).is_equal
    assert Report(same, {}, records=1, rejected=0, version=1, files_equal=None).is_equal


def test_a_ranking_is_of_trips_that_count_over_vehicles_that_drove_far_enough() -> None:
    trips = {
        ("NEAR", 20): Totals(4_999, 300, 0),
        ("THIRSTY", 20): Totals(6_000, 700, 0),
        ("THRIFTY", 10): Totals(9_000, 100, 0),  # before the period
        ("THRIFTY", 20): Totals(4_000, 200, 0),
        ("THRIFTY", 30): Totals(3_000, 180, 0),
        ("THRIFTY", 40): Totals(499, 900, 0),  # too short
        ("THRIFTY", 50): Totals(900, None, 0),
    }
    expected = (Place(1, "THRIFTY", 2, 7_000, 380), Place(2, "THIRSTY", 1, 6_000, 700))
    assert ranking_of(trips, 20) == expected
    assert ranking_compared(Answer(20, expected), trips).is_equal
    found = ranking_compared(Answer(20, (expected[0], expected[1]._replace(fuel_ml=701))), trips)
    assert found.differences == ((expected[1]._replace(fuel_ml=701), expected[1]),)
    assert len(ranking_compared(Answer(20, ()), trips).differences) == 2


def test_a_wrong_ranking_makes_the_report_unequal() -> None:
    same = compared({A: Totals(5, 1, 0)}, {A: Totals(5, 1, 0)})
    ranking = RankingComparison(1, ((Place(1, "A", 1, 5, 1), None),))
    report = Report(same, {}, records=1, rejected=0, version=1, files_equal=True, ranking=ranking)
    assert not report.is_equal
    assert json.loads(report.as_json())["places_differing"] == 1
    assert len(list(report.tables())) == 2
