"""What differs between SQLite and PostgreSQL, and idioms that are the same on both."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from sqlalchemy import Float, Table, Text, bindparam, case, cast, column, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Connection, Select

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


def by_column(connection: Connection, ordered: Select[Any]) -> list[str]:
    """Give a query's rows column by column, each a JSON array in the query's order; of texts, integers and floats.

    A driver makes an object of each value while it holds the interpreter: 100,000 rows keep every other request
    waiting for a tenth of a second. One text a column is read at once, and decoded in a few milliseconds.
    """
    rows = ordered.subquery()
    whole = _array_of if connection.dialect.name == "postgresql" else _text_of
    return list(connection.execute(select(*map(whole, rows.c))).one())


def _array_of(values: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(cast(func.json_agg(values), Text), "[]")


def _text_of(values: ColumnElement[Any]) -> ColumnElement[str]:
    if not isinstance(values.type, Float):
        return func.json_group_array(values)
    # Its JSON has 15 digits of a float; `quote` has as many as it takes.
    return literal("[") + func.coalesce(func.group_concat(func.quote(values)), "") + literal("]")


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

    PostgreSQL gets all rows in one statement, as one JSON text: a statement a row takes it ten times as long, and
    arrays of values take the driver, which is Python, three times as long to write.
    """
    inserting = _INSERT[connection.dialect.name](table)
    if connection.dialect.name == "sqlite":
        return inserting, rows
    text = msgspec.json.encode(rows)
    if rb"\u0000" in text:
        text = msgspec.json.encode([{name: _storable(value) for name, value in row.items()} for row in rows])
    names = tuple(rows[0])
    return inserting.from_select(names, _given_rows(table, names)), {"rows": text.decode()}


@cache
def _given_rows(table: Table, names: tuple[str, ...]) -> Select[Any]:
    """Give the SELECT of the rows in the parameter `rows`, a JSON array of objects with these names."""
    columns = (column(name, table.c[name].type) for name in names)
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text), postgresql.JSON))
    return select(given.table_valued(*columns, name="given").render_derived(with_types=True))


def _storable(value: Any) -> Any:
    """Give what PostgreSQL takes: its texts hold no NUL."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) and "\0" in value else value
