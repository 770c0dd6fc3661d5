from __future__ import annotations

from hot_path.rule_table import rule_table
from rules import default_rules_file, load_rules


def test_every_rule_has_a_line_and_the_hash_ends_the_table() -> None:
    rules = load_rules(default_rules_file())
    lines = rule_table(rules).splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(rules.rules)]] == [rule.name for rule in rules.rules]
    assert lines[-1] == f"{len(rules.rules)} rules, hash {rules.hash}"
