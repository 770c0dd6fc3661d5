"""What rules would have raised, by rule, and how it stands to the faults that really were there. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contracts.alert import Alert

SLACK_MS: Final = 30_000
"""An alert belongs to a fault that ended at most so long before it was raised."""

_OPEN_MS: Final = 2**62


class Fault(msgspec.Struct, frozen=True):
    """A line of the truth, as the simulator writes it; times are epoch milliseconds of the car's clock.

    `rule` is the one that is expected to find it, null where none must; `reached_at_ms` is when that rule's published
    condition had held for its duration, null while it has not: what was never reached cannot be missed.
    """

    vehicle_id: str
    started_at_ms: int
    ended_at_ms: int | None
    rule: str | None
    reached_at_ms: int | None = None


@dataclass(slots=True)
class RuleOutcome:
    """What one rule would have raised; the last four are None without a truth."""

    rule: str
    raised: int = 0
    escalated: int = 0
    cleared: int = 0
    vehicles: int = 0
    faults: int | None = None
    """Faults that this rule is to find, and could: they reached its condition."""
    found: int | None = None
    missed: int | None = None
    false_alarms: int | None = None
    """Alerts of a car that had no fault at the time, of whatever kind."""

    @property
    def still_open(self) -> int:
        """Episodes that were open at the end."""
        return self.raised - self.cleared


def read_truth(file: Path) -> list[Fault]:
    """Read a file of faults. Raises InvalidInput that names file, line and remedy."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read ({error.strerror}); name the file of injected faults") from error
    faults = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            faults.append(msgspec.json.decode(line, type=Fault))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{file}:{number}: no truth about a fault ({error}); take the line out") from error
    return faults


def outcomes(alerts: Iterable[Alert], truth: Sequence[Fault] | None) -> list[RuleOutcome]:
    """Count by rule, in the order of names; every rule that raised or was to find something has a line."""
    by_rule: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_rule[alert.rule].append(alert)
    expected = {fault.rule for fault in truth or () if fault.rule is not None}
    return [_outcome(rule, by_rule[rule], truth) for rule in sorted(by_rule.keys() | expected)]


def _outcome(rule: str, alerts: list[Alert], truth: Sequence[Fault] | None) -> RuleOutcome:
    raised = [alert for alert in alerts if alert.change == 1]
    outcome = RuleOutcome(
        rule,
        raised=len(raised),
        escalated=sum(alert.state == "escalated" for alert in alerts),
        cleared=sum(alert.state == "cleared" for alert in alerts),
        vehicles=len({alert.vehicle_id for alert in alerts}),
    )
    if truth is None:
        return outcome
    reached = [fault for fault in truth if fault.rule == rule and fault.reached_at_ms is not None]
    outcome.faults = len(reached)
    outcome.found = sum(any(_belongs(alert, fault) for alert in raised) for fault in reached)
    outcome.missed = outcome.faults - outcome.found
    outcome.false_alarms = sum(not any(fault.rule and _belongs(alert, fault) for fault in truth) for alert in raised)
    return outcome


def _belongs(alert: Alert, fault: Fault) -> bool:
    until_ms = _OPEN_MS if fault.ended_at_ms is None else fault.ended_at_ms + SLACK_MS
    return alert.vehicle_id == fault.vehicle_id and fault.started_at_ms <= alert.raised_at_ms <= until_ms
