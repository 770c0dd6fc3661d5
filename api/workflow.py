"""What people may do about an alert, given how it stands and what was done already."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from api.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.alert import AlertAction, AlertState

_MOST_UNSEEN: Final = 2_000


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


class Unseen:
    """The actions that this process has written last, for as long as the store may not show them.

    Of two under one id the topic keeps the later, so the later must not be written: here it is known before the store
    knows it. Other processes do not know it.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._written: OrderedDict[tuple[str, str], AlertAction] = OrderedDict()

    def add(self, action: AlertAction) -> None:
        """Remember an action that is about to be written. Raises Refused when its id stands for something else."""
        key = action.alert_id, action.action_id
        first = self._written.setdefault(key, action)
        is_repeated(action, [first])
        while len(self._written) > _MOST_UNSEEN:
            self._written.popitem(last=False)

    def forget(self, action: AlertAction) -> None:
        """Forget one that the store shows."""
        self._written.pop((action.alert_id, action.action_id), None)


def _meant(action: AlertAction) -> tuple[object, ...]:
    return action.action, action.by, action.note, action.force
