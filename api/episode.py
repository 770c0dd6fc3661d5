"""An alert as it stands: the fold of its changes and of what people did. Order and repetition do not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from contracts.alert import SEVERITIES, Alert, AlertAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


MOST_CHANGES: Final = 200
MOST_ACTIONS: Final = 500
"""Of one alert, the latest that are kept, beside the few that still count. An honest alert has a handful of each."""


class Change(NamedTuple):
    """One event of the episode, and the broker's time of its record."""

    alert: Alert
    available_at_ms: int


class Action(NamedTuple):
    """What a person did, and the broker's time of its record."""

    action: AlertAction
    available_at_ms: int


def folded(changes: Sequence[Change], actions: Iterable[Action]) -> dict[str, Any]:
    """Give the row of table `alerts`. `changes` must hold at least one; each change once."""
    in_order = _in_order(changes)
    first, newest = in_order[0], in_order[-1]
    escalated = _last_escalated(in_order)
    escalated_ms = escalated.available_at_ms if escalated else 0
    done = list(actions)
    acknowledged, resolved = _latest(done, "acknowledge"), _latest(done, "resolve")
    forced = _latest(done, "resolve", forced=True)
    is_cleared = newest.alert.state == "cleared"
    is_open = not is_cleared and not _stands(forced, escalated_ms)
    return (
        _facts(newest.alert)
        | {
            "message": (_last_wrong(in_order) or newest).alert.message,
            "evidence": _json(evident.alert.evidence if (evident := _first_evident(in_order)) else {}),
            "worst": _json(worst.alert.worst if (worst := _last_worst(in_order)) else {}),
            "received_at_ms": first.alert.received_at_ms,
            "available_at_ms": first.available_at_ms,
            "cleared_at_ms": newest.alert.changed_at_ms if is_cleared else None,
            "is_open": is_open,
            "needs_attention": is_open and not _stands(acknowledged, escalated_ms),
        }
        | _done("acknowledged", acknowledged)
        | _done("resolved", resolved)
    )


def _facts(alert: Alert) -> dict[str, Any]:
    same = ("alert_id", "change", "vehicle_id", "rule", "rules_hash", "trouble_code", "severity", "state")
    more = ("clear_reason", "raised_at_ms", "changed_at_ms", "partition", "latitude_deg", "longitude_deg")
    row = {name: getattr(alert, name) for name in same + more}
    return row | {"severity_rank": SEVERITIES.index(alert.severity), "source_offset": alert.offset}


def kept_changes(changes: Iterable[Change]) -> list[Change]:
    """Return the changes of an alert that need be kept: the latest, and the few that its row is folded from.

    Each is the first or last of some kind, so what is kept of all is what is kept of those kept before and the new
    ones, however they were cut; and it folds to the same row.
    """
    in_order = _in_order(changes)
    if len(in_order) <= MOST_CHANGES:
        return in_order
    telling = (_last_escalated(in_order), _first_evident(in_order), _last_worst(in_order), _last_wrong(in_order))
    kept = [in_order[0], *filter(None, telling), *in_order[-MOST_CHANGES:]]
    return _in_order({change.alert.change: change for change in kept}.values())


def kept_actions(actions: Iterable[Action]) -> list[Action]:
    """Return the actions on an alert that need be kept: the latest, and the last of each kind that counts."""
    in_order = sorted(actions, key=_by_time)
    if len(in_order) <= MOST_ACTIONS:
        return in_order
    resolved = (_latest(in_order, "resolve"), _latest(in_order, "resolve", forced=True))
    telling = filter(None, (_latest(in_order, "acknowledge"), *resolved))
    kept = [*telling, *in_order[-MOST_ACTIONS:]]
    return sorted({action.action.action_id: action for action in kept}.values(), key=_by_time)


def _in_order(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: change.alert.change)


def _last_escalated(in_order: Sequence[Change]) -> Change | None:
    """Return the escalation that the broker has taken last."""
    escalated = (change for change in in_order if change.alert.state == "escalated")
    return max(escalated, key=lambda change: change.available_at_ms, default=None)


def _first_evident(in_order: Sequence[Change]) -> Change | None:
    return next((change for change in in_order if change.alert.evidence), None)


def _last_worst(in_order: Sequence[Change]) -> Change | None:
    return next((change for change in reversed(in_order) if change.alert.worst), None)


def _last_wrong(in_order: Sequence[Change]) -> Change | None:
    """Return the newest change that says what is wrong, rather than that it is over."""
    return next((change for change in reversed(in_order) if change.alert.state != "cleared"), None)


def _by_time(action: Action) -> tuple[int, str]:
    return action.available_at_ms, action.action.action_id


def _latest(actions: Iterable[Action], kind: str, *, forced: bool = False) -> Action | None:
    of_kind = (one for one in actions if one.action.action == kind and (one.action.force or not forced))
    return max(of_kind, key=_by_time, default=None)


def _stands(action: Action | None, escalated_ms: int) -> bool:
    """Tell whether an action still holds: an escalation after it asks for attention again."""
    return action is not None and action.available_at_ms >= escalated_ms


def _done(word: str, action: Action | None) -> dict[str, Any]:
    if action is None:
        return {f"{word}_by": None, f"{word}_at_ms": None}
    return {f"{word}_by": action.action.by, f"{word}_at_ms": action.action.at_ms}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
