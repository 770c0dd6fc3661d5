"""Writing many rows into PostgreSQL; imported only where the store is one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from sqlalchemy import Text, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select, Table

    from api.store.tables import Rows


def copy_in(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows whose keys are all new by COPY. Raises OperationalError when the server is gone."""
    names = list(rows[0])
    copying = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    try:
        with connection.connection.cursor() as cursor, cursor.copy(copying) as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row([_storable(row[name]) for name in names])
    except psycopg.OperationalError as error:  # as SQLAlchemy would have named it
        raise OperationalError(copying, None, error) from error


def inserting(table: Table, rows: Rows) -> tuple[postgresql.Insert, dict[str, str]]:
    """Give an INSERT, and what to execute it with.

    All rows go in one statement, as one JSON text: a statement a row takes the server ten times as long, and arrays of
    values take the driver, which is Python, three times as long to write.
    """
    text = msgspec.json.encode(rows)
    if rb"\u0000" in text:
        text = msgspec.json.encode([{name: _storable(value) for name, value in row.items()} for row in rows])
    names = tuple(rows[0])
    return postgresql.insert(table).from_select(names, _given_rows(table, names)), {"rows": text.decode()}


@cache
def _given_rows(table: Table, names: tuple[str, ...]) -> Select[Any]:
    """Give the SELECT of the rows in the parameter `rows`, a JSON array of objects with these names."""
    columns = (column(name, table.c[name].type) for name in names)
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text), postgresql.JSON))
    return select(given.table_valued(*columns, name="given").render_derived(with_types=True))


def _storable(value: Any) -> Any:
    """Give what PostgreSQL takes: its texts hold no NUL."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) and "\0" in value else value
