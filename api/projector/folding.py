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
    from collections.abc import Callable, Iterable, Iterator, Sequence

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
    events = _events(connection, tables.alert_changes, alert_ids, Alert)
    stored = ((alert.alert_id, Change(alert, available_at_ms)) for alert, available_at_ms in events)
    return _kept(connection, tables.alert_changes, stored, kept_changes, lambda change: change.alert.change)


def _actions(connection: Connection, alert_ids: Sequence[str]) -> dict[str, list[Action]]:
    events = _events(connection, tables.alert_actions, alert_ids, AlertAction)
    stored = ((action.alert_id, Action(action, available_at_ms)) for action, available_at_ms in events)
    return _kept(connection, tables.alert_actions, stored, kept_actions, lambda action: action.action.action_id)


def _events(
    connection: Connection, table: Table, alert_ids: Sequence[str], kind: type[Told]
) -> Iterator[tuple[Told, int]]:
    query = select(table.c.available_at_ms, table.c.event).where(table.c.alert_id.in_(alert_ids))
    return ((decode(event.encode(), kind), available_at_ms) for available_at_ms, event in connection.execute(query))


def _kept(
    connection: Connection,
    table: Table,
    stored: Iterable[tuple[str, Event]],
    kept_of: Callable[[Iterable[Event]], list[Event]],
    key_of: Callable[[Event], int | str],
) -> dict[str, list[Event]]:
    """Return by alert which of its stored events are kept, and delete the rows of the others."""
    by_alert: dict[str, list[Event]] = defaultdict(list)
    for alert_id, event in stored:
        by_alert[alert_id].append(event)
    kept = {alert_id: kept_of(events) for alert_id, events in by_alert.items()}
    dropped = (
        (alert_id, key_of(event)) for alert_id, events in by_alert.items() for event in _without(events, kept[alert_id])
    )
    delete_rows(connection, table, dropped)
    return kept


def _without(events: Sequence[Event], kept: Sequence[Event]) -> Iterator[Event]:
    if len(events) == len(kept):
        return iter(())
    stay = {id(event) for event in kept}
    return (event for event in events if id(event) not in stay)
