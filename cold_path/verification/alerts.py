"""The hot path's alerts against those that the same rules raise over the lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.dataset as pads

from contracts.errors import MalformedRecord
from contracts.record_checks import alert_in
from contracts.views import version_folder
from rules import default_rules_file, load_rules

if TYPE_CHECKING:
    from pathlib import Path

    from cold_path.source.offsets import Offsets
    from contracts.record import Record
    from contracts.record_checks import Ends

Event = tuple[str, int]
"""alert_id, change"""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One change of an episode, by whichever path."""

    event: Event
    rule: str
    state: str
    partition: int
    offset: int
    rules_hash: str
    is_timed: bool = False
    """Found by waiting, not by a record: history does not wait."""


@dataclass(frozen=True, slots=True)
class AlertComparison:
    """What comparing found, over the readings that both paths have judged by the same rules."""

    compared: int
    missed: tuple[AlertEvent, ...]
    """History raises them, the hot path did not."""
    surplus: tuple[AlertEvent, ...]
    """The hot path raised them, history does not."""

    @property
    def is_equal(self) -> bool:
        """Tell whether both raised the same."""
        return not (self.missed or self.surplus)


def heard(records: Iterable[Record], ends: Ends) -> dict[Event, AlertEvent]:
    """Give the hot path's events from `engine-alerts`, each once; what cannot be true is passed over, as elsewhere."""
    events: dict[Event, AlertEvent] = {}
    for record in records:
        try:
            alert = alert_in(record, ends)
        except MalformedRecord:
            continue
        at = (alert.alert_id, alert.change)
        place = (alert.partition, alert.offset)
        events[at] = AlertEvent(at, alert.rule, alert.state, *place, alert.rules_hash, is_timed=alert.timed)
    return events


def in_history(views: Path, version: int, rules_hash: str) -> dict[Event, AlertEvent] | None:
    """Give a version's alert history; None where it has none."""
    folder = version_folder(views, version) / "alert_history"
    if not folder.is_dir():
        return None
    columns = ["alert_id", "change", "rule", "state", "partition", "offset"]
    rows = pads.dataset(folder, format="parquet").to_table(columns=columns).to_pylist()
    found = (
        AlertEvent(
            event=(row["alert_id"], row["change"]),
            rule=row["rule"],
            state=row["state"],
            partition=row["partition"],
            offset=row["offset"],
            rules_hash=rules_hash,
        )
        for row in rows
    )
    return {event.event: event for event in found}


def _silence() -> set[str]:
    """Give the project's silence rule: history may have found it by a record that the hot path has not read yet."""
    rule = load_rules(default_rules_file()).silence
    return set() if rule is None else {rule.name}


def compared(
    hot: Mapping[Event, AlertEvent], history: Mapping[Event, AlertEvent], *, bounds: Offsets, rules_hash: str
) -> AlertComparison:
    """Compare the events of readings below `bounds` (by partition), where the hot path used these rules throughout.

    A partition is left out in which the hot path has raised anything by other rules, since episodes outlast a change.
    Silence is left out: the hot path finds it by waiting as well, history by the next record only.
    """
    others = {event.partition for event in hot.values() if event.rules_hash != rules_hash}
    silent = {event.rule for event in hot.values() if event.is_timed} | _silence()

    def is_judged_by_both(event: AlertEvent) -> bool:
        is_below = event.offset < bounds.get(event.partition, 0)
        return is_below and event.partition not in others and event.rule not in silent

    left = {at for at, event in hot.items() if is_judged_by_both(event)}
    right = {at for at, event in history.items() if is_judged_by_both(event)}
    return AlertComparison(
        compared=len(left | right),
        missed=tuple(history[at] for at in sorted(right - left)),
        surplus=tuple(hot[at] for at in sorted(left - right)),
    )
