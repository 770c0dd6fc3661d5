from __future__ import annotations

from pathlib import Path

from rules import default_rules_file, load_rules
from stack.preparation import RULES_VARIABLES, rules_for


def test_a_fleet_that_the_usual_rules_have_no_room_for_gets_a_rule_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "run" / "rules.toml"
    assert rules_for(20_000, file, {}) == dict.fromkeys(RULES_VARIABLES, str(file))
    assert load_rules(file).new_vehicles_an_hour > 20_000 / 12


def test_a_small_fleet_keeps_the_usual_rules_and_a_rule_file_that_was_named_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    assert rules_for(200, file, {}) == {}
    assert rules_for(20_000, file, {"HOT_PATH_RULES": str(default_rules_file())}) == {}
    assert not file.exists()
