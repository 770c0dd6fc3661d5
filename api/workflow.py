"""What people may do about an alert, given how it stands and what was done already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.alert import AlertAction, AlertState


def refuse_unforced(action: AlertAction, state: AlertState) -> None:
    """Raise Refused for resolving an episode that goes on, unless it is forced and a note says why."""
    if action.action != "resolve" or state == "cleared" or (action.force and action.note):
        return
    raise Refused(
        f"alert {action.alert_id} is {state}: its episode goes on. Wait until it is cleared, "
        "or send `force`: true and a `note` that says why it may be closed"
    )


def is_repeated(action: AlertAction, done: Iterable[AlertAction]) -> bool:
    """Tell whether this was done already, under the same id. Raises Refused when the id stands for something else."""
    for one in done:
        if one.action_id == action.action_id:
            if _meant(one) != _meant(action):
                raise Refused(
                    f"action_id {action.action_id!r} stands for another action on this alert; choose a new id"
                )
            return True
    return False


def _meant(action: AlertAction) -> tuple[object, ...]:
    return action.action, action.by, action.note, action.force
