"""The hot path's alerts against those that the same rules raise over the lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow.dataset as pads

from contracts.alert import Alert
from contracts.errors import MalformedRecord
from contracts.record_checks import alert_in
from contracts.views import version_folder
from rules import default_rules_file, load_rules

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.record import Record
    from contracts.record_checks import Ends

Event = tuple[str, int]
"""alert_id, change"""
Span = tuple[int, int]
"""Offsets of a partition, from the first to the end exclusive."""


class Pair(NamedTuple):
    """What decides which alerts readings raise: the rules, and the code that folds by them."""

    rules_hash: str
    fold_version: int


class Judged(NamedTuple):
    """Which offsets of a partition the hot path has judged by which pair: from `since_offset`, below `next_offset`."""

    pair: Pair
    since_offset: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One change of an episode, by whichever path."""

    event: Event
    rule: str
    state: str
    partition: int
    offset: int
    pair: Pair
    is_timed: bool = False
    """Found by waiting, not by a record: history does not wait."""

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """Make it from what one of the paths has told."""
        return cls(
            event=(alert.alert_id, alert.change),
            rule=alert.rule,
            state=alert.state,
            partition=alert.partition,
            offset=alert.offset,
            pair=Pair(alert.rules_hash, alert.fold_version),
            is_timed=alert.timed,
        )


@dataclass(frozen=True, slots=True)
class AlertComparison:
    """What comparing found, over the readings that both paths have judged by the same rules."""

    compared: int
    missed: tuple[AlertEvent, ...]
    """History raises them, the hot path did not."""
    surplus: tuple[AlertEvent, ...]
    """The hot path raised them, history does not."""
    readings: int = 0
    """Offsets that both paths cover."""
    readings_compared: int = 0
    """Those of them that both have judged by the same rules and the same version of the fold."""

    @property
    def is_equal(self) -> bool:
        """Tell whether both raised the same."""
        return not (self.missed or self.surplus)

    @property
    def is_proven(self) -> bool:
        """Tell whether at least half of what both cover could be compared."""
        return 2 * self.readings_compared >= self.readings


def heard(records: Iterable[Record], ends: Ends) -> dict[Event, AlertEvent]:
    """Give the hot path's events from `engine-alerts`, each once; what cannot be true is passed over, as elsewhere."""
    events: dict[Event, AlertEvent] = {}
    for record in records:
        try:
            event = AlertEvent.of(alert_in(record, ends))
        except MalformedRecord:
            continue
        events[event.event] = event
    return events


def in_history(views: Path, version: int, pair: Pair) -> dict[Event, AlertEvent] | None:
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
            pair=pair,
        )
        for row in rows
    )
    return {event.event: event for event in found}


def _silence() -> set[str]:
    """Give the project's silence rule: history may have found it by a record that the hot path has not read yet."""
    rule = load_rules(default_rules_file()).silence
    return set() if rule is None else {rule.name}


def compared(
    hot: Mapping[Event, AlertEvent], history: Mapping[Event, AlertEvent], *, spans: Mapping[int, Span], pair: Pair
) -> AlertComparison:
    """Compare the events of the readings that both paths have judged by `pair`.

    Silence is left out: the hot path finds it by waiting as well, history by the next record only.
    `spans` are offsets by partition, first and end exclusive.
    """
    silent = {event.rule for event in hot.values() if event.is_timed} | _silence()

    def is_judged_by_both(event: AlertEvent) -> bool:
        first, end = spans.get(event.partition, (0, 0))
        return first <= event.offset < end and event.pair == pair and event.rule not in silent

    left = {at for at, event in hot.items() if is_judged_by_both(event)}
    right = {at for at, event in history.items() if is_judged_by_both(event)}
    return AlertComparison(
        compared=len(left | right),
        missed=tuple(history[at] for at in sorted(right - left)),
        surplus=tuple(hot[at] for at in sorted(left - right)),
        readings_compared=sum(end - first for first, end in spans.values()),
    )
