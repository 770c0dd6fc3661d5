from __future__ import annotations

import json
from pathlib import Path

import pytest

from cold_path.backtest.outcome import Fault, outcomes, read_truth
from cold_path.backtest.telling import Backtested
from contracts.alert import Alert
from contracts.errors import InvalidInput

CAR, OTHER_CAR = "1HGCM82633A004352", "1HGCM82633A004353"


def an_alert(name: str = "a", *, at_s: int = 100, change: int = 1, car: str = CAR, rule: str = "hot") -> Alert:
    return Alert(
        alert_id=name,
        change=change,
        vehicle_id=car,
        rule=rule,
        rules_hash="r",
        severity="warning",
        state="raised" if change == 1 else "cleared",
        raised_at_ms=at_s * 1000,
        changed_at_ms=at_s * 1000,
        received_at_ms=at_s * 1000,
        partition=0,
        offset=0,
        message="",
    )


def a_fault(*, began_s: int = 90, ended_s: int | None = 110, rule: str | None = "hot", reached: bool = True) -> Fault:
    ended_ms = None if ended_s is None else ended_s * 1000
    return Fault(CAR, began_s * 1000, ended_ms, rule, began_s * 1000 + 5 if reached else None)


def test_changes_are_counted_by_rule() -> None:
    cold, hot = outcomes([an_alert(), an_alert(change=2), an_alert("b"), an_alert("c", rule="cold")], None)
    assert (hot.raised, hot.cleared, hot.still_open, hot.vehicles) == (2, 1, 1, 1)
    assert (cold.rule, cold.raised, cold.faults, cold.false_alarms) == ("cold", 1, None, None)


def test_a_fault_is_found_by_an_alert_of_its_rule_while_it_lasts_or_shortly_after() -> None:
    [hot] = outcomes([an_alert(at_s=139)], [a_fault()])
    assert (hot.faults, hot.found, hot.missed, hot.false_alarms) == (1, 1, 0, 0)
    [late] = outcomes([an_alert(at_s=141)], [a_fault()])
    assert (late.found, late.missed, late.false_alarms) == (0, 1, 1)
    [open_] = outcomes([an_alert(at_s=9_999)], [a_fault(ended_s=None)])
    assert open_.found == 1


def test_what_never_reached_the_rule_s_condition_cannot_be_missed() -> None:
    [hot] = outcomes([], [a_fault(reached=False)])
    assert (hot.rule, hot.faults, hot.missed) == ("hot", 0, 0)


def test_an_alert_of_another_rule_within_a_fault_is_no_false_alarm() -> None:
    early, _ = outcomes([an_alert(rule="early_warning")], [a_fault()])
    assert early.false_alarms == 0
    other_car, _ = outcomes([an_alert(rule="early_warning", car=OTHER_CAR)], [a_fault()])
    assert other_car.false_alarms == 1
    decoy, *_ = outcomes([an_alert(rule="early_warning")], [a_fault(rule=None)])
    assert decoy.false_alarms == 1


def test_a_truth_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    file.write_text('{"vehicle_id":"x","started_at_ms":1,"ended_at_ms":null,"rule":null,"fault":"decoy"}\n\nno\n')
    with pytest.raises(InvalidInput, match=r"truth.jsonl:3"):
        read_truth(file)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_truth(tmp_path / "absent")


def test_a_backtest_is_told_as_a_table_and_as_json() -> None:
    found = Backtested("0123456789", 1_000, 2.0, outcomes([an_alert()], [a_fault()]), has_truth=True)
    assert [column.header for column in found.table().columns][-1] == "false alarms"
    assert json.loads(found.as_json())["rules"][0]["still_open"] == 1
