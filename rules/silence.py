"""Silence: a car that stops reporting in the middle of a trip. Judged on broker time, found without a scan.

A vehicle is due T after its newest reading was received. A repeated or late one tells nothing of the car now; and as a
silence is named by the newest reading, each has a name of its own. A vehicle stands in one slot of a wheel; when the
slot's time has come, it is either silent or, as it has been heard since, put into a later slot. A reading costs the
wheel nothing.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

from contracts.alert import Alert, AlertState, ClearReason, alert_id
from contracts.reading import has_ended_trip
from contracts.vehicle_state import Episode
from rules.episode import Change
from rules.message import message
from rules.rule import FOLD_VERSION

if TYPE_CHECKING:
    from contracts.vehicle_state import VehicleState
    from rules.rule import Rule, Rules

SLOT_MS = 1_000
Watched = TypeVar("Watched")


class SilenceWheel(Generic[Watched]):
    """Vehicles by the second in which they are next looked at. Broker time in epoch milliseconds throughout."""

    def __init__(self) -> None:
        """Start empty."""
        self._slots: dict[int, list[Watched]] = {}
        self._order: list[int] = []

    def put(self, vehicle: Watched, due_ms: int) -> None:
        """Put a vehicle, which must not be in the wheel, into the slot that ends after `due_ms`."""
        slot = due_ms // SLOT_MS + 1
        vehicles = self._slots.get(slot)
        if vehicles is None:
            self._slots[slot] = [vehicle]
            heapq.heappush(self._order, slot)
        else:
            vehicles.append(vehicle)

    def take_due(self, now_ms: int) -> list[Watched]:
        """Take the vehicles out whose slot has ended."""
        due: list[Watched] = []
        while self._order and self._order[0] * SLOT_MS <= now_ms:
            due += self._slots.pop(heapq.heappop(self._order))
        return due


def is_overdue(state: VehicleState, silence_ms: int, now_ms: int) -> bool:
    """Tell whether a watched vehicle's silence is to be raised: T is over, its trip is not, and it is not silent."""
    return (
        state.silent is None
        and now_ms >= state.newest_received_at_ms + silence_ms
        and state.refused_hour is None
        and not has_ended_trip(state.newest)
    )


def fall_silent(state: VehicleState, rule: Rule, rules: Rules) -> Alert:
    """Open the silence episode, named by the last reading; raised at last received + T whenever it is found."""
    at_ms = state.newest_received_at_ms + rule.for_ms
    state.silent = Episode(
        key=rule.name,
        phase="open",
        trip_started_at_ms=state.newest.trip_started_at_ms,
        sequence=state.newest.sequence,
        since_ms=at_ms,
        seen_at_ms=at_ms,
        change=1,
        severity=rule.severity,
        raised_at_ms=at_ms,
        evidence={"last_received_at_ms": state.newest_received_at_ms},
    )
    return _alert(
        state,
        state.silent,
        rule,
        rules,
        change=Change("raised"),
        at_ms=at_ms,
        received_at_ms=state.newest_received_at_ms,
        offset=state.offset,
    )


def hear_again(state: VehicleState, rules: Rules, *, received_at_ms: int, offset: int) -> Alert:
    """Close the silence episode by the reading at `offset`, which is newer than the last."""
    episode = state.silent
    assert episode is not None  # noqa: S101 - the caller has looked
    state.silent = None
    episode.change += 1
    rule = rules.by_name.get(episode.key)
    reason: ClearReason = "heard_again" if rule is not None else "rule_removed"
    change = Change("cleared", reason)
    return _alert(
        state, episode, rule, rules, change=change, at_ms=received_at_ms, received_at_ms=received_at_ms, offset=offset
    )


def _alert(  # noqa: PLR0913 - each is one fact of the event
    state: VehicleState,
    episode: Episode,
    rule: Rule | None,
    rules: Rules,
    *,
    change: Change,
    at_ms: int,
    received_at_ms: int,
    offset: int,
) -> Alert:
    vehicle_id = state.newest.vehicle_id
    outcome: AlertState = change.state
    return Alert(
        alert_id=alert_id(vehicle_id, episode.key, episode.trip_started_at_ms, episode.sequence),
        change=episode.change,
        vehicle_id=vehicle_id,
        rule=episode.key,
        rules_hash=rules.hash,
        severity=episode.severity or "warning",
        state=outcome,
        raised_at_ms=episode.raised_at_ms or at_ms,
        changed_at_ms=at_ms,
        received_at_ms=received_at_ms,
        partition=state.partition,
        offset=offset,
        message=message(rule, episode, change),
        clear_reason=change.reason,
        timed=outcome == "raised",
        evidence=episode.evidence,
        latitude_deg=state.newest.latitude_deg,
        longitude_deg=state.newest.longitude_deg,
        fold_version=FOLD_VERSION,
    )
