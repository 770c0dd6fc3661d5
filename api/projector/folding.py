"""Alerts as they stand, folded from their changes and actions, of which a bounded number is kept."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from api.episode import Action, Change, folded, kept_actions, kept_changes
from api.store import tables
from api.store.dialect import delete_rows, keys_at_once, upsert
from contracts.alert import Alert, AlertAction
from contracts.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Table

Told = TypeVar("Told", Alert, AlertAction)
Event = TypeVar("Event", Change, Action)


def fold_alerts(connection: Connection, alert_ids: Iterable[str]) -> None:
    """Write these alerts anew from all of their events that are kept, and delete the others.

    An alert of which no change is known has no row: actions may be read first.
    """
    for some in keys_at_once(alert_ids):
        changes, actions = _changes(connection, some), _actions(connection, some)
        upsert(connection, tables.alerts, [folded(events, actions.get(name, [])) for name, events in changes.items()])


def _changes(connection: Connection, alert_ids: Sequence[str]) -> dict[str, list[Change]]:
    stored: dict[str, list[Change]] = defaultdict(list)
    for alert, available_at_ms in _events(connection, tables.alert_changes, alert_ids, Alert):
        stored[alert.alert_id].append(Change(alert, available_at_ms))
    kept = {alert_id: kept_changes(changes) for alert_id, changes in stored.items()}
    dropped = (
        (alert_id, change.alert.change)
        for alert_id, changes in stored.items()
        for change in _without(changes, kept[alert_id])
    )
    delete_rows(connection, tables.alert_changes, dropped)
    return kept


def _actions(connection: Connection, alert_ids: Sequence[str]) -> dict[str, list[Action]]:
    stored: dict[str, list[Action]] = defaultdict(list)
    for action, available_at_ms in _events(connection, tables.alert_actions, alert_ids, AlertAction):
        stored[action.alert_id].append(Action(action, available_at_ms))
    kept = {alert_id: kept_actions(actions) for alert_id, actions in stored.items()}
    dropped = (
        (alert_id, action.action.action_id)
        for alert_id, actions in stored.items()
        for action in _without(actions, kept[alert_id])
    )
    delete_rows(connection, tables.alert_actions, dropped)
    return kept


def _events(
    connection: Connection, table: Table, alert_ids: Sequence[str], kind: type[Told]
) -> Iterator[tuple[Told, int]]:
    query = select(table.c.available_at_ms, table.c.event).where(table.c.alert_id.in_(alert_ids))
    return ((decode(event.encode(), kind), available_at_ms) for available_at_ms, event in connection.execute(query))


def _without(events: Sequence[Event], kept: Sequence[Event]) -> Iterator[Event]:
    if len(events) == len(kept):
        return iter(())
    stay = {id(event) for event in kept}
    return (event for event in events if id(event) not in stay)
