"""What a backtest found, for people as a table and for programs as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from observability.plain_text import json_line
from observability.terminal import Table

if TYPE_CHECKING:
    from cold_path.backtest.outcome import RuleOutcome


@dataclass(frozen=True, slots=True)
class Backtested:
    """What rules would have raised over so many records."""

    rules_hash: str
    records: int
    seconds: float
    outcomes: list[RuleOutcome]
    has_truth: bool

    def as_json(self) -> str:
        """Give one object."""
        rules = [asdict(outcome) | {"still_open": outcome.still_open} for outcome in self.outcomes]
        told = {"rules_hash": self.rules_hash, "records": self.records, "seconds": self.seconds, "rules": rules}
        return json_line(told)

    def table(self) -> Table:
        """Give what a person reads."""
        title = f"rules {self.rules_hash[:8]} over {self.records:,} records, {self.seconds:.0f} s"
        table = Table("rule", "raised", "escalated", "cleared", "still open", "vehicles", title=title)
        for name in ("faults", "found", "missed", "false alarms") if self.has_truth else ():
            table.add_column(name)
        for one in self.outcomes:
            counts = [one.raised, one.escalated, one.cleared, one.still_open, one.vehicles]
            judged = [one.faults, one.found, one.missed, one.false_alarms] if self.has_truth else []
            table.add_row(one.rule, *(str(count) for count in counts + judged))
        return table
