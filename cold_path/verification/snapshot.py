"""The serving store at one moment: trips of both views, marks and the version served, in one read transaction."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import psycopg

from cold_path.verification.alerts import Judged, Pair
from cold_path.verification.totals import Totals, Trip, Trips, larger, merged_trips
from contracts.codec import decode
from contracts.errors import InvalidInput, Unavailable
from contracts.views import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cold_path.source.offsets import Offsets

_SQLITE: Final = "sqlite:///"
_POSTGRESQL: Final = "postgresql+psycopg://"
_COUNTERS: Final = "vehicle_id, trip_started_at_ms, distance_m, fuel_ml, idle_s"
_Row = tuple[str, int, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store held at one moment."""

    batch: Trips
    speed: Trips
    marks: Offsets
    manifest: Manifest | None
    """Of the version being served; None before the first."""
    judged: Mapping[int, Judged] = field(default_factory=dict)
    """By partition, what the hot path has judged by which rules."""

    @property
    def trips(self) -> Trips:
        """Every trip's merged totals, as the API answers them."""
        return merged_trips(self.batch, self.speed.items())

    @property
    def covered(self) -> Offsets:
        """Partition to the first offset that the version served does not cover."""
        return {int(at): offset for at, offset in self.manifest.covered_offsets.items()} if self.manifest else {}

    @property
    def reached(self) -> Offsets:
        """Partition to the offset up to which the merged totals are complete: the mark's or the version's."""
        reached = dict(self.marks)
        for partition, offset in self.covered.items():
            reached[partition] = larger(reached.get(partition), offset) or 0
        return reached

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to compare yet."""
        return self.manifest is None and not self.marks


EMPTY: Final = Snapshot({}, {}, {}, None)


def _judged(mark: Mapping[str, Any]) -> Judged:
    """Return what a mark tells; one that version 0.1 wrote does not tell by which rules."""
    pair = Pair(mark.get("rules_hash") or "", mark.get("fold_version") or 1)
    return Judged(pair, mark.get("since_offset") or 0, mark["next_offset"])


def read_snapshot(store: str) -> Snapshot:
    """Read the store; an empty snapshot while it has no tables.

    Raises InvalidInput for an address of another kind, Unavailable for a server that does not answer.
    """
    if store.startswith(_SQLITE):
        return _of_file(Path(store.removeprefix(_SQLITE)))
    if store.startswith(_POSTGRESQL):
        return _of_server("postgresql://" + store.removeprefix(_POSTGRESQL))
    kinds = "sqlite:///FILE and postgresql+psycopg://HOST/DATABASE"
    raise InvalidInput(f"--store {_without_password(store)} cannot be read; stores are {kinds}")


def _of_file(file: Path) -> Snapshot:
    if not file.exists():
        return EMPTY
    address = f"file:{quote(str(file.absolute()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        try:
            return _read(connection)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return EMPTY
            raise


def _of_server(address: str) -> Snapshot:
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            return _read(connection)
    except psycopg.errors.UndefinedTable:
        return EMPTY
    except psycopg.OperationalError as error:
        raise Unavailable(f"the store {_without_password(address)} does not answer: {error}") from error


def _without_password(address: str) -> str:
    return re.sub(r"(//[^:/@]*):[^@/]*@", r"\1:***@", address)


def _read(connection: sqlite3.Connection | psycopg.Connection) -> Snapshot:
    """Read by the SQL that both kinds of store understand."""
    ask: Callable[[str], Any] = connection.execute
    marked = ask("SELECT * FROM marks ORDER BY partition")
    columns = [column[0] for column in marked.description]
    judged = {mark["partition"]: _judged(mark) for mark in (dict(zip(columns, row, strict=True)) for row in marked)}
    marks = {partition: each.next_offset for partition, each in judged.items()}
    speed = _trips(ask(f"SELECT {_COUNTERS} FROM speed_trips"))  # noqa: S608 - a constant of this module
    served = ask(
        "SELECT v.version, v.manifest FROM serving_version AS s JOIN versions AS v ON v.version = s.version"
    ).fetchone()
    if served is None:
        return Snapshot({}, speed, marks, None, judged)
    version, manifest = served
    batch = ask(f"SELECT {_COUNTERS} FROM batch_trips WHERE version = {int(version)}")  # noqa: S608 - a number
    return Snapshot(_trips(batch), speed, marks, decode(manifest.encode(), Manifest), judged)


def _trips(rows: Iterable[_Row]) -> dict[Trip, Totals]:
    return {(vehicle_id, started): Totals(*counters) for vehicle_id, started, *counters in rows}
