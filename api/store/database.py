"""How the store is opened: the projector's engine, which migrates and writes; and the routes' view, read only.

SQLite is a file with a write-ahead log. PostgreSQL is a server; what its driver understands may follow in the address,
as `?sslmode=verify-full&sslrootcert=ca.pem`.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import to_thread
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeoutError

from api.store.address import file_of, named
from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

T = TypeVar("T")

_MIGRATIONS = Path(__file__).parent / "migrations"
_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    # After a power cut the last transactions may be missing, whole: rows and Kafka positions alike, so they are redone.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",
)
_WRITERS_CACHE = "PRAGMA cache_size=-65536"
_READERS_CACHE = "PRAGMA cache_size=-4096"
"""KiB that a connection keeps of the file. There is one writer; of readers there may be _READERS."""
_READERS = 40
"""Connections at most, as many as there are threads to ask in."""
_READERS_KEPT = 20
_POOL: dict[str, Any] = {"pool_size": _READERS_KEPT, "max_overflow": _READERS - _READERS_KEPT}

REGISTERED_ONLY = "registered_only"
"""The option of a connection that says whether alerts of registered vehicles alone are shown."""
_WRITERS_LOCK = 7_021_984
"""A number of ours among PostgreSQL's advisory locks."""


def open_for_writing(url: str) -> Engine:
    """Open the store, made and migrated where needed. Raises InvalidInput (no store, or a newer one), Unavailable."""
    file = file_of(url)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        _use_sqlite(engine, begin="BEGIN IMMEDIATE", pragmas=("PRAGMA journal_mode=WAL", _WRITERS_CACHE, *_PRAGMAS))
    else:
        engine = create_engine(url, pool_pre_ping=True)
        _let_one_write(engine)
    try:
        _migrate(engine, url)
    except OperationalError as error:
        raise Unavailable(f"the store {named(url)} cannot be opened: {error.orig}") from error
    except DBAPIError as error:
        raise InvalidInput(f"{named(url)} is no store: {error.orig}; delete it, it is rebuilt") from error
    return engine


def _migrate(engine: Engine, url: str) -> None:
    # Here, as only who writes needs them and they take half a second to import.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise InvalidInput(
            f"the store {named(url)} was written by another version ({error}); delete it, it is rebuilt"
        ) from error


def newest_revision() -> str:
    """Give the revision that this program's stores are at: that of the last migration, by the names of the files."""
    return max(file.name[1:5] for file in (_MIGRATIONS / "versions").glob("v[0-9]*.py"))


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


def _let_one_write(engine: Engine) -> None:
    """Let writing transactions follow each other, as SQLite's do: each folds from what the one before has written.

    None waits for the disk, as SQLite's do not (see _PRAGMAS).
    """

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(
            f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK}), set_config('synchronous_commit', 'off', true)"
        )


class Store:
    """The store as routes see it: snapshots for reading. It may be absent, and may be replaced while we run."""

    def __init__(self, url: str, *, registered_only: bool = False) -> None:
        """Check the address; nothing is opened yet. Raises InvalidInput.

        With `registered_only` no query shows or counts alerts of vehicles that are in no registry.
        """
        self._url = url
        self.registered_only = registered_only
        self._file = file_of(url)
        self._identity: tuple[int, int] | None = None
        self._engine: Engine | None = None
        self._opening = threading.Lock()
        self._head = newest_revision()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection on which every SELECT sees the same state. Raises Unavailable when there is no store."""
        try:
            connection = self._opened().connect()
        except OperationalError as error:
            raise Unavailable(f"the store cannot be opened: {error.orig}; is `api projector` running?") from error
        except SQLAlchemyTimeoutError as error:
            raise Unavailable("all connections to the store are taken; try again in a moment") from error
        with connection:
            yield connection

    async def ask(self, question: Callable[[Connection], T], *, is_quick: bool = False) -> T:
        """Give what a question gives on a snapshot. Raises Unavailable, and what the question raises.

        It is asked in a thread; of a file, what `is_quick` (a few rows along an index) in the event loop, since
        handing it to a thread and back takes longer than the answer, and nobody makes a reader of a file wait.
        """
        if is_quick and self._file is not None:
            return self._asked(question)
        return await to_thread.run_sync(self._asked, question)

    def _asked(self, question: Callable[[Connection], T]) -> T:
        with self.snapshot() as connection:
            return question(connection)

    def _opened(self) -> Engine:
        identity = self._identify()
        with self._opening:
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
        engine = self._engine_for_reading()
        try:
            with engine.connect() as connection:
                revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
        except DBAPIError as error:
            engine.dispose()
            if error.connection_invalidated or "alembic_version" not in str(error.orig):
                raise
            revision = None  # there are no tables yet
        if revision != self._head:
            engine.dispose()
            raise Unavailable(
                f"the store is at revision {revision}, not {self._head}; start `api projector` to migrate it"
            )
        return engine

    def _engine_for_reading(self) -> Engine:
        options: dict[str, Any] = {REGISTERED_ONLY: self.registered_only}
        if self._file is not None:
            engine = create_engine(self._url, **_POOL, execution_options=options)
            _use_sqlite(engine, begin="BEGIN", pragmas=(_READERS_CACHE, *_PRAGMAS, "PRAGMA query_only=ON"))
            return engine
        return create_engine(
            self._url,
            **_POOL,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            execution_options=options | {"postgresql_readonly": True},
        )

    def close(self) -> None:
        """Close all connections; the next snapshot opens new ones."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
