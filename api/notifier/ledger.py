"""What was taken from Kafka and is to be delivered, once a (webhook, alert_id, change): a small SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS positions (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    webhook TEXT NOT NULL, alert_id TEXT NOT NULL, change INTEGER NOT NULL, body BLOB NOT NULL,
    taken_at_ms INTEGER NOT NULL, due_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT 'waiting', detail TEXT,
    PRIMARY KEY (webhook, alert_id, change)
);
DROP INDEX IF EXISTS deliveries_due;
CREATE INDEX IF NOT EXISTS deliveries_due_by_webhook ON deliveries (webhook, outcome, due_at_ms);
"""


class Delivery(NamedTuple):
    """One change of an alert for one webhook; `attempts` made so far."""

    webhook: str
    alert_id: str
    change: int
    body: bytes
    taken_at_ms: int
    attempts: int


class Ledger:
    """Deliveries and positions in one file, so that each change is taken once, however often the process dies.

    Every method raises Unavailable when the file cannot be read or written, as on a full disk.
    """

    def __init__(self, file: Path) -> None:
        """Open the file, or make it. Raises InvalidInput when it cannot be."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, isolation_level=None)
            self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLES)
        except (OSError, sqlite3.Error) as error:
            remedy = "free some space on its disk, or name another file"
            raise InvalidInput(f"--ledger {file} cannot be opened ({error}); {remedy}") from error
        self._file = file

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def positions(self) -> dict[int, int]:
        """Give the next offset by partition of engine-alerts."""
        with self._told():
            return dict(self._connection.execute("SELECT partition, next_offset FROM positions"))

    def take(self, deliveries: Iterable[Delivery], positions: Mapping[int, int]) -> None:
        """Keep what is new of these, and the positions, in one transaction."""
        rows = [(*one[:5], one.taken_at_ms) for one in deliveries]
        with self._told(), _Transaction(self._connection):
            self._connection.executemany(
                "INSERT OR IGNORE INTO deliveries (webhook, alert_id, change, body, taken_at_ms, due_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions.items())

    def due(self, webhook: str, now_ms: int, *, most: int) -> list[Delivery]:
        """Return what is due for a webhook, oldest first; of an alert only its first change that waits, in order."""
        query = (
            "SELECT webhook, alert_id, change, body, taken_at_ms, attempts FROM deliveries AS one"
            " WHERE webhook = ? AND outcome = 'waiting' AND due_at_ms <= ?"
            " AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier"
            " WHERE earlier.webhook = one.webhook AND earlier.alert_id = one.alert_id"
            " AND earlier.change < one.change AND earlier.outcome = 'waiting')"
            " ORDER BY due_at_ms LIMIT ?"
        )
        with self._told():
            return [Delivery(*row) for row in self._connection.execute(query, (webhook, now_ms, most))]

    def settle(self, delivery: Delivery, outcome: str, detail: str | None = None) -> None:
        """Note how it ended: `delivered` or `dead`."""
        self._update(delivery, "outcome = ?, detail = ?, attempts = attempts + 1", outcome, detail)

    def postpone(self, delivery: Delivery, due_at_ms: int, detail: str) -> None:
        """Try again then."""
        self._update(delivery, "due_at_ms = ?, detail = ?, attempts = attempts + 1", due_at_ms, detail)

    def _update(self, delivery: Delivery, changed: str, *values: object) -> None:
        query = f"UPDATE deliveries SET {changed} WHERE webhook = ? AND alert_id = ? AND change = ?"  # noqa: S608 - ours
        self._write(query, (*values, *delivery[:3]))

    def revive(self, now_ms: int) -> int:
        """Let dead deliveries be tried anew; give how many."""
        changed = "outcome = 'waiting', attempts = 0, taken_at_ms = ?1, due_at_ms = ?1"
        query = f"UPDATE deliveries SET {changed} WHERE outcome = 'dead'"  # noqa: S608 - a constant
        return self._write(query, (now_ms,))

    def drop_others(self, webhooks: Iterable[str]) -> int:
        """Settle as dead what waits for a webhook that is none of these; return how many."""
        names = list(webhooks)
        others = f"outcome = 'waiting' AND webhook NOT IN ({', '.join('?' * len(names))})"
        changed = "outcome = 'dead', detail = 'no such webhook any more'"
        return self._write(f"UPDATE deliveries SET {changed} WHERE {others}", names)  # noqa: S608 - marks only

    def forget(self, before_ms: int) -> None:
        """Delete what ended and was taken before then; Kafka does not keep the alerts longer either."""
        self._write("DELETE FROM deliveries WHERE outcome <> 'waiting' AND taken_at_ms < ?", (before_ms,))

    def count(self, outcome: str) -> int:
        """Give how many ended so, or wait."""
        query = "SELECT count(*) FROM deliveries WHERE outcome = ?"
        with self._told():
            return int(self._connection.execute(query, (outcome,)).fetchone()[0])

    def _write(self, query: str, values: Sequence[object]) -> int:
        with self._told():
            return self._connection.execute(query, values).rowcount

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite says into what a person can act on."""
        try:
            yield
        except sqlite3.Error as error:
            raise Unavailable(
                f"--ledger {self._file} cannot be read or written ({error}); free some space on its disk, or mend it, "
                "and start again: what was taken is kept, and what was not is still in Kafka"
            ) from error


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._connection.in_transaction:  # SQLite itself rolls back on a full disk
            self._connection.execute("COMMIT" if kind is None else "ROLLBACK")
