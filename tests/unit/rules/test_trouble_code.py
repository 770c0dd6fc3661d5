from __future__ import annotations

from driving import RULES, Drive, a_reading

from contracts.plausibility import TROUBLE_CODE
from rules.trouble_code import meanings


def test_every_code_of_the_table_is_one_and_has_a_rule() -> None:
    assert len(meanings()) > 150
    assert all(TROUBLE_CODE.fullmatch(code) for code in meanings())
    assert all(RULES.rule_of_code(code) for code in meanings())
    assert {code[0] for code in meanings()} == {"P", "B", "C", "U"}


def test_a_known_code_is_told_with_its_meaning_and_severity() -> None:
    drive = Drive()
    drive.read(*(a_reading(second, trouble_codes=("U0100",)) for second in range(4)))
    assert drive.alerts[0].severity == "critical"
    assert "no word from the engine computer" in drive.alerts[0].message


def test_an_unknown_code_takes_the_severity_of_its_class() -> None:
    drive = Drive()
    drive.read(*(a_reading(second, trouble_codes=("U3FFF",)) for second in range(4)))
    assert drive.alerts[0].severity == "info"
    assert "U3FFF" in drive.alerts[0].message
