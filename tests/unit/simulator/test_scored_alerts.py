from __future__ import annotations

import io
from pathlib import Path

import pytest

from contracts.alert import Alert, AlertState
from contracts.errors import InvalidInput
from observability.terminal import Console
from simulator.faults.truth import TruthLine, read_truth
from simulator.report import show_score
from simulator.scoring.rule_scores import NO_RULE, Episode, RuleScore, episodes, scores
from simulator.scoring.score import Scored

HOT, CODE = "coolant_over_temperature", "misfire_code"


def a_fault(
    car: str = "A", start_s: int = 100, end_s: int | None = 200, rule: str | None = HOT, *, reached: bool = True
) -> TruthLine:
    ended_at_ms = None if end_s is None else end_s * 1000
    return TruthLine(car, "some", start_s * 1000, ended_at_ms, 1.0, rule, start_s * 1000 + 20_000 if reached else None)


def an_episode(car: str = "A", at_s: int = 130, rule: str = HOT, cleared_s: int | None = None) -> Episode:
    return Episode(car, rule, at_s * 1000, None if cleared_s is None else cleared_s * 1000)


def of(truth: list[TruthLine], alerts: list[Episode], slack_s: int = 60) -> dict[str, RuleScore]:
    return {score.rule: score for score in scores(truth, alerts, slack_ms=slack_s * 1000)}


def a_change(state: AlertState, at_s: int, change: int) -> Alert:
    return Alert("id", change, "A", HOT, "h", "critical", state, 130_000, at_s * 1000, at_s * 1000, 0, change, "hot")


def test_an_alert_of_the_expected_rule_within_the_fault_detects_it() -> None:
    score = of([a_fault()], [an_episode()])[HOT]
    assert (score.injected, score.detected, score.missed, score.false_alarms) == (1, 1, 0, 0)
    assert score.seconds_to_detect == [30]


def test_an_alert_of_another_car_is_false_and_the_fault_is_missed() -> None:
    score = of([a_fault()], [an_episode(car="B")])[HOT]
    assert (score.detected, score.missed, score.false_alarms) == (0, 1, 1)


def test_an_alert_of_another_rule_within_a_fault_is_related_and_detects_nothing() -> None:
    found = of([a_fault()], [an_episode(rule=CODE)])
    assert (found[CODE].related, found[CODE].false_alarms, found[HOT].missed) == (1, 0, 1)


@pytest.mark.parametrize(("at_s", "is_false"), [(99, True), (100, False), (200, False), (260, False), (261, True)])
def test_an_alert_belongs_to_a_fault_from_its_onset_until_the_slack_after_its_end(at_s: int, *, is_false: bool) -> None:
    assert of([a_fault()], [an_episode(at_s=at_s)])[HOT].false_alarms == int(is_false)


def test_an_open_fault_explains_alerts_for_ever() -> None:
    assert of([a_fault(end_s=None)], [an_episode(at_s=10_000)])[HOT].false_alarms == 0


def test_an_episode_that_outlasts_a_repair_detects_the_next_fault_too() -> None:
    truth = [a_fault(), a_fault(start_s=230, end_s=300)]
    assert of(truth, [an_episode(cleared_s=400)])[HOT].detected == 2
    assert of(truth, [an_episode(cleared_s=210)])[HOT].detected == 1


def test_a_fault_that_must_raise_nothing_explains_no_alert_and_is_never_missed() -> None:
    found = of([a_fault(rule=None)], [an_episode()])
    assert (found[NO_RULE].injected, found[NO_RULE].missed, found[NO_RULE].recall) == (1, 0, None)
    assert found[HOT].false_alarms == 1


def test_a_fault_too_short_for_its_rule_can_be_found_but_not_missed() -> None:
    short = a_fault(reached=False)
    assert (of([short], [])[HOT].missed, of([short], [])[HOT].recall) == (0, None)
    found = of([short, a_fault("B")], [an_episode()])[HOT]
    assert (found.injected, found.reached, found.detected, found.missed, found.recall) == (2, 1, 1, 1, 0)


def test_repeated_changes_in_any_order_are_one_episode() -> None:
    changes = [a_change("cleared", 150, 3), a_change("raised", 130, 1), a_change("escalated", 140, 2)]
    assert episodes(changes * 2) == [an_episode(cleared_s=150)]


def test_percentiles_are_of_the_detected_faults() -> None:
    score = RuleScore(HOT, injected=20, seconds_to_detect=[float(n) for n in range(20, 0, -1)])
    assert (score.within_s(0.5), score.within_s(0.95)) == (10, 19)
    assert RuleScore(HOT).within_s(0.5) is None


def test_false_alarms_are_per_thousand_hours_of_driving() -> None:
    scored = Scored(scores([], [an_episode()], slack_ms=0), vehicle_hours=250)
    assert scored.per_thousand_hours(scored.total) == 4
    assert Scored([], vehicle_hours=0).per_thousand_hours(RuleScore(HOT)) is None


def test_too_little_recall_is_too_little_and_nothing_injected_proves_nothing() -> None:
    truth = [a_fault(), a_fault(car="B")]
    scored = Scored(scores(truth, [an_episode()], slack_ms=0), vehicle_hours=1)
    assert scored.is_under(0.6)
    assert not scored.is_under(0.5)
    assert not scored.is_under(None)
    assert Scored([], vehicle_hours=1).is_under(0.1)


def test_the_table_names_each_rule_and_says_what_is_too_little() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    scored = Scored(scores([a_fault(), a_fault("B")], [an_episode()], slack_ms=0), vehicle_hours=10)
    show_score(scored, console, as_json=False, minimum_recall=0.9)
    text = console.export_text()
    assert HOT in text
    assert "50.0% of the faults that could be found were, and 90.0% are asked for" in text


def test_a_truth_that_cannot_be_read_is_told_with_file_line_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    with pytest.raises(InvalidInput, match=r"truth\.jsonl: cannot be read .*--truth"):
        read_truth(file)
    good = b'{"vehicle_id":"A","fault":"f","started_at_ms":1,"ended_at_ms":null,"severity":1,"rule":"r"}\n'
    file.write_bytes(good + b'{"vehicle_id":"A"}\n')
    with pytest.raises(InvalidInput, match=r"truth\.jsonl:2: .*take the line out"):
        read_truth(file)
    file.write_bytes(good)
    assert read_truth(file) == [TruthLine("A", "f", 1, None, 1.0, "r")]
