"""What differs between SQLite and PostgreSQL, and idioms that are the same on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, case, func
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Connection

    from api.store.tables import Rows

Excluded = Any
"""The row that could not be inserted, inside ON CONFLICT DO UPDATE."""

_INSERT: Mapping[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def greater(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give the greater of two values, NULL counting as absent (SQLite's max(NULL, x) is NULL, unlike GREATEST)."""
    return case((left > right, left), else_=func.coalesce(right, left))


def upsert(
    connection: Connection,
    table: Table,
    rows: Rows,
    *,
    update: Callable[[Excluded], Mapping[str, Any]] | None = None,
    where: Callable[[Excluded], ColumnElement[bool]] | None = None,
) -> None:
    """Insert rows; where a row's key is taken, `update` it (default: all other columns) if `where` holds."""
    if not rows:
        return
    statement = _INSERT[connection.dialect.name](table)
    new = statement.excluded
    changed = update(new) if update else {column.name: new[column.name] for column in table.c if not column.primary_key}
    on_conflict = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=changed, where=where(new) if where else None
    )
    connection.execute(on_conflict, rows)


def insert_new(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows whose keys are not there yet."""
    if rows:
        connection.execute(_INSERT[connection.dialect.name](table).on_conflict_do_nothing(), rows)
