"""An alert as it stands: the fold of its changes and of what people did. Order and repetition do not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from contracts.alert import SEVERITIES, Alert, AlertAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
    in_order = sorted(changes, key=lambda change: change.alert.change)
    first, newest = in_order[0], in_order[-1]
    escalated_ms = max((change.available_at_ms for change in in_order if change.alert.state == "escalated"), default=0)
    done = list(actions)
    acknowledged, resolved = _latest(done, "acknowledge"), _latest(done, "resolve")
    forced = _latest((action for action in done if action.action.force), "resolve")
    is_cleared = newest.alert.state == "cleared"
    is_open = not is_cleared and not _stands(forced, escalated_ms)
    return (
        _facts(newest.alert)
        | {
            "message": _message(in_order),
            "evidence": _json(next((change.alert.evidence for change in in_order if change.alert.evidence), {})),
            "worst": _json(next((change.alert.worst for change in reversed(in_order) if change.alert.worst), {})),
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


def _message(in_order: Sequence[Change]) -> str:
    """Give the newest message that says what is wrong, rather than that it is over."""
    wrong = [change.alert.message for change in in_order if change.alert.state != "cleared"]
    return wrong[-1] if wrong else in_order[-1].alert.message


def _latest(actions: Iterable[Action], kind: str) -> Action | None:
    of_kind = [action for action in actions if action.action.action == kind]
    return max(of_kind, key=lambda action: (action.available_at_ms, action.action.action_id), default=None)


def _stands(action: Action | None, escalated_ms: int) -> bool:
    """Tell whether an action still holds: an escalation after it asks for attention again."""
    return action is not None and action.available_at_ms >= escalated_ms


def _done(word: str, action: Action | None) -> dict[str, Any]:
    if action is None:
        return {f"{word}_by": None, f"{word}_at_ms": None}
    return {f"{word}_by": action.action.by, f"{word}_at_ms": action.action.at_ms}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
