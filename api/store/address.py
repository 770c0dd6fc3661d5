"""A store's address, as people give it: an SQLite file, or a database of a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import Engine

Identity = tuple[int, int]
"""Tells one store from another at the same address."""


def file_of(url: str) -> Path | None:
    """Give the file of an SQLite store, None for a server. Raises InvalidInput for what is no store's address."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(f"--store {url!r} is no address of a store; try sqlite:///var/store/serving.db") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql") or parsed.drivername == "postgresql":
        raise InvalidInput(f"--store {named(url)}: stores are sqlite:///FILE or postgresql+psycopg://HOST/DATABASE")
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidInput("--store must name a file, as two programs share it: sqlite:///var/store/serving.db")
    return Path(parsed.database).absolute()


def named(url: str) -> str:
    """Give the address for logs and messages: without its password."""
    return make_url(url).render_as_string(hide_password=True)


def identity_of(engine: Engine) -> Identity:
    """Give what changes when a store is deleted or replaced: (0, 0) when it is gone."""
    file = file_of(engine.url.render_as_string(hide_password=False))
    if file is None:
        with engine.connect() as connection:
            oid = connection.scalar(text("SELECT to_regclass('consumed')::oid::bigint"))
        return oid or 0, 0
    try:
        status = file.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_dev, status.st_ino
