"""The rules of a file as a table for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules import Rule, Rules

_HEADINGS = ("rule", "family", "severity", "held for", "clears after", "reads")


def rule_table(rules: Rules) -> str:
    """Lay out one line a rule, in the order of the file, and the hash that stands in every alert."""
    lines = [_HEADINGS, *(_cells(rule) for rule in rules.rules)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*rows, "", f"{len(rules.rules)} rules, hash {rules.hash}"])


def _cells(rule: Rule) -> tuple[str, ...]:
    reads = rule.signals or tuple(f"{prefix}…" for prefix in rule.codes) or ("broker time",)
    registry = tuple(f"vehicle.{name}" for name in rule.registry)
    held, clearing = f"{rule.for_ms / 1000:g} s", f"{rule.clear_for_ms / 1000:g} s"
    return rule.name, rule.family, rule.severity, held, clearing, ", ".join(reads + registry)
