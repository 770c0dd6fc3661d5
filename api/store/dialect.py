"""What differs between SQLite and PostgreSQL, and idioms that are the same on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Float, Text, bindparam, case, cast, delete, func, insert, literal, select
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Select, Table

    from api.store.tables import Rows

_MOST_KEYS: Final = 500
"""In one IN (...): SQLite takes 32,766 parameters, planners like fewer."""

Excluded = Any
"""The row that could not be inserted, inside ON CONFLICT DO UPDATE."""


def greater(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give the greater of two values, NULL counting as absent (SQLite's max(NULL, x) is NULL, unlike GREATEST)."""
    return case((left > right, left), else_=func.coalesce(right, left))


def keys_at_once(keys: Iterable[str]) -> Iterator[Sequence[str]]:
    """Return the distinct keys in order, as many at a time as one IN (...) should have."""
    in_order = sorted(set(keys))
    return (in_order[at : at + _MOST_KEYS] for at in range(0, len(in_order), _MOST_KEYS))


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


def delete_rows(connection: Connection, table: Table, keys: Iterable[Sequence[Any]]) -> None:
    """Delete the rows with these primary keys, each a value a column."""
    rows = [{f"key_{at}": value for at, value in enumerate(key)} for key in keys]
    if rows:
        same = (column == bindparam(f"key_{at}") for at, column in enumerate(table.primary_key.columns))
        connection.execute(delete(table).where(*same), rows)


def delete_some(connection: Connection, table: Table, where: ColumnElement[bool], *, most: int) -> int:
    """Delete rows, `most` at most, and return their number: fewer than `most` means that none are left."""
    keys = connection.execute(select(*table.primary_key.columns).where(where).limit(most)).all()
    delete_rows(connection, table, keys)
    return len(keys)


def insert_many(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows whose keys are all new, as fast as the store takes them."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    from api.store.postgres import copy_in  # noqa: PLC0415 - see _inserting

    copy_in(connection, table, rows)


def _inserting(connection: Connection, table: Table, rows: Rows) -> tuple[Any, Any]:
    """Give an INSERT, and what to execute it with."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table), rows
    # Here, as its driver takes a fifth of the time in which a program starts, and most stores are files.
    from api.store.postgres import inserting  # noqa: PLC0415

    return inserting(table, rows)
