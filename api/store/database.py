"""How the store is opened: the projector's engine, which migrates and writes; and the routes' view, read only."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

_MIGRATIONS = Path(__file__).parent / "migrations"
_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    # After a power cut the last transactions may be missing, whole: rows and Kafka positions alike, so they are redone.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)


def file_of(url: str) -> Path | None:
    """Give the file of an SQLite store, None for a server. Raises InvalidInput for what is no store's address."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(f"--store {url!r} is no address of a store; try sqlite:///var/store/serving.db") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidInput(f"--store {url!r}: stores are sqlite:///FILE or postgresql+psycopg://HOST/DATABASE")
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidInput("--store must name a file, as two programs share it: sqlite:///var/store/serving.db")
    return Path(parsed.database).absolute()


def open_for_writing(url: str) -> Engine:
    """Open the store, made and migrated where needed. Raises InvalidInput (no store, or a newer one), Unavailable."""
    file = file_of(url)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    if file is not None:
        _use_sqlite(engine, begin="BEGIN IMMEDIATE", pragmas=("PRAGMA journal_mode=WAL", *_PRAGMAS))
    try:
        with engine.begin() as connection:
            command.upgrade(_alembic(connection), "head")
    except CommandError as error:
        raise InvalidInput(
            f"the store {url} was written by another version ({error}); delete it, it is rebuilt"
        ) from error
    except OperationalError as error:
        raise Unavailable(f"the store {url} cannot be opened: {error.orig}") from error
    except DBAPIError as error:
        raise InvalidInput(f"{url} is no store: {error.orig}; delete it, it is rebuilt") from error
    return engine


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _use_sqlite(engine: Engine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    """Let SQLAlchemy and not the driver begin transactions, so that several SELECTs see one state of the store."""

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


class Store:
    """The store as routes see it: snapshots for reading. It may be absent, and may be replaced while we run."""

    def __init__(self, url: str) -> None:
        """Check the address; nothing is opened yet. Raises InvalidInput."""
        self._url = url
        self._file = file_of(url)
        self._identity: tuple[int, int] | None = None
        self._engine: Engine | None = None
        self._head = ScriptDirectory.from_config(_alembic()).get_current_head()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection on which every SELECT sees the same state. Raises Unavailable when there is no store."""
        engine = self._opened()
        try:
            connection = engine.connect()
        except OperationalError as error:
            raise Unavailable(f"the store cannot be opened: {error.orig}; is `api projector` running?") from error
        with connection:
            yield connection

    def _opened(self) -> Engine:
        identity = self._identify()
        if self._engine is None or identity != self._identity:
            self.close()
            self._engine, self._identity = self._open(), identity
        return self._engine

    def _identify(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            status = self._file.stat()
        except FileNotFoundError as error:
            raise Unavailable(f"there is no store at {self._file} yet; start `api projector`") from error
        return status.st_dev, status.st_ino

    def _open(self) -> Engine:
        engine = create_engine(self._url, pool_size=20, max_overflow=20)
        if self._file is not None:
            _use_sqlite(engine, begin="BEGIN", pragmas=(*_PRAGMAS, "PRAGMA query_only=ON"))
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
        if revision != self._head:
            engine.dispose()
            raise Unavailable(
                f"the store is at revision {revision}, not {self._head}; start `api projector` to migrate it"
            )
        return engine

    def close(self) -> None:
        """Close all connections; the next snapshot opens new ones."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
