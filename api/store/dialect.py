"""What differs between SQLite and PostgreSQL, and idioms that are the same on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Table, bindparam, case, column, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

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


def by_code_point(connection: Connection, text: ColumnElement[str]) -> ColumnElement[str]:
    """Order texts as Python does, whatever the language of a PostgreSQL database."""
    return text.collate("C") if connection.dialect.name == "postgresql" else text


def upsert(
    connection: Connection,
    table: Table,
    rows: Rows,
    *,
    update: Callable[[Excluded], Mapping[str, Any]] | None = None,
    where: Callable[[Excluded], ColumnElement[bool]] | None = None,
) -> None:
    """Insert rows; where a row's key is taken, `update` it (default: all other columns) if `where` holds.

    Keys must be distinct among `rows`.
    """
    if not rows:
        return
    statement, parameters = _inserting(connection, table, rows)
    new = statement.excluded
    changed = update(new) if update else {column.name: new[column.name] for column in table.c if not column.primary_key}
    on_conflict = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=changed, where=where(new) if where else None
    )
    connection.execute(on_conflict, parameters)


def insert_new(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows whose keys are not there yet."""
    if rows:
        statement, parameters = _inserting(connection, table, rows)
        connection.execute(statement.on_conflict_do_nothing(), parameters)


def insert_many(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows whose keys are all new, as fast as the store takes them."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    names = list(rows[0])
    copying = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    try:
        with connection.connection.cursor() as cursor, cursor.copy(copying) as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row([_storable(row[name]) for name in names])
    except psycopg.OperationalError as error:  # as SQLAlchemy would have named it
        raise OperationalError(copying, None, error) from error


def _inserting(connection: Connection, table: Table, rows: Rows) -> tuple[Any, Any]:
    """Give an INSERT, and what to execute it with.

    PostgreSQL gets all rows in one statement, a list a column: one statement a row takes it ten times as long.
    """
    inserting = _INSERT[connection.dialect.name](table)
    if connection.dialect.name == "sqlite":
        return inserting, rows
    columns = [table.c[name] for name in rows[0]]
    lists = {f"of_{one.name}": [_storable(row[one.name]) for row in rows] for one in columns}
    binds = (bindparam(f"of_{one.name}", type_=postgresql.ARRAY(one.type)) for one in columns)
    unnested = func.unnest(*binds).table_valued(*(column(one.name, one.type) for one in columns)).render_derived()
    return inserting.from_select(columns, select(unnested)), lists


def _storable(value: Any) -> Any:
    """Give what PostgreSQL takes: its texts hold no NUL."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) and "\0" in value else value
