"""The rules: file, compiler, fold of episodes. Pure: the hot path runs it live, the cold path over history."""

from rules.file import default_rules_file, load_rules, parse_rules, with_room_for
from rules.rule import Rule, Rules

__all__ = ["Rule", "Rules", "default_rules_file", "load_rules", "parse_rules", "with_room_for"]
