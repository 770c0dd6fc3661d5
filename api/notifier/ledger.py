"""What was taken from Kafka and is to be delivered, once a (webhook, alert_id, change): a small SQLite file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS positions (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    webhook TEXT NOT NULL, alert_id TEXT NOT NULL, change INTEGER NOT NULL, body BLOB NOT NULL,
    taken_at_ms INTEGER NOT NULL, due_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT 'waiting', detail TEXT,
    PRIMARY KEY (webhook, alert_id, change)
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (outcome, due_at_ms);
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
    """Deliveries and positions in one file, so that each change is taken once, however often the process dies."""

    def __init__(self, file: Path) -> None:
        """Open the file, or make it. Raises InvalidInput when it cannot be."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, isolation_level=None)
            self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLES)
        except (OSError, sqlite3.Error) as error:
            raise InvalidInput(f"--ledger {file} cannot be opened ({error}); name another file") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def positions(self) -> dict[int, int]:
        """Give the next offset by partition of engine-alerts."""
        return dict(self._connection.execute("SELECT partition, next_offset FROM positions"))

    def take(self, deliveries: Iterable[Delivery], positions: Mapping[int, int]) -> None:
        """Keep what is new of these, and the positions, in one transaction."""
        rows = [(*one[:5], one.taken_at_ms) for one in deliveries]
        with _Transaction(self._connection):
            self._connection.executemany(
                "INSERT OR IGNORE INTO deliveries (webhook, alert_id, change, body, taken_at_ms, due_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions.items())

    def due(self, now_ms: int, *, most: int) -> list[Delivery]:
        """Give what is due, oldest first; of an alert only its first change that waits, so that they come in order."""
        query = (
            "SELECT webhook, alert_id, change, body, taken_at_ms, attempts FROM deliveries AS one"
            " WHERE outcome = 'waiting' AND due_at_ms <= ? AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier"
            " WHERE earlier.webhook = one.webhook AND earlier.alert_id = one.alert_id"
            " AND earlier.change < one.change AND earlier.outcome = 'waiting')"
            " ORDER BY due_at_ms LIMIT ?"
        )
        return [Delivery(*row) for row in self._connection.execute(query, (now_ms, most))]

    def settle(self, delivery: Delivery, outcome: str, detail: str | None = None) -> None:
        """Note how it ended: `delivered` or `dead`."""
        self._update(delivery, "outcome = ?, detail = ?, attempts = attempts + 1", outcome, detail)

    def postpone(self, delivery: Delivery, due_at_ms: int, detail: str) -> None:
        """Try again then."""
        self._update(delivery, "due_at_ms = ?, detail = ?, attempts = attempts + 1", due_at_ms, detail)

    def _update(self, delivery: Delivery, changed: str, *values: object) -> None:
        self._connection.execute(
            f"UPDATE deliveries SET {changed} WHERE webhook = ? AND alert_id = ? AND change = ?",  # noqa: S608 - ours
            (*values, *delivery[:3]),
        )

    def revive(self, now_ms: int) -> int:
        """Let dead deliveries be tried anew; give how many."""
        changed = "outcome = 'waiting', attempts = 0, taken_at_ms = ?1, due_at_ms = ?1"
        query = f"UPDATE deliveries SET {changed} WHERE outcome = 'dead'"  # noqa: S608 - a constant
        return self._connection.execute(query, (now_ms,)).rowcount

    def forget(self, before_ms: int) -> None:
        """Delete what ended and was taken before then; Kafka does not keep the alerts longer either."""
        query = "DELETE FROM deliveries WHERE outcome <> 'waiting' AND taken_at_ms < ?"
        self._connection.execute(query, (before_ms,))

    def count(self, outcome: str) -> int:
        """Give how many ended so, or wait."""
        query = "SELECT count(*) FROM deliveries WHERE outcome = ?"
        return int(self._connection.execute(query, (outcome,)).fetchone()[0])


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")
