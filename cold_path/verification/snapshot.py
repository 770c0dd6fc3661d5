"""The serving store at one moment: trips of both views, marks and the version served, in one read transaction."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from cold_path.verification.totals import Totals, Trip, Trips, larger, merged_trips
from contracts.codec import decode
from contracts.errors import InvalidInput
from contracts.views import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cold_path.source.offsets import Offsets

_SQLITE: Final = "sqlite:///"
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

    @property
    def trips(self) -> Trips:
        """Every trip's merged totals, as the API answers them."""
        return merged_trips(self.batch, self.speed.items())

    @property
    def reached(self) -> Offsets:
        """Partition to the offset up to which the merged totals are complete: the mark's or the version's."""
        covered = self.manifest.covered_offsets if self.manifest else {}
        reached = dict(self.marks)
        for partition, offset in covered.items():
            reached[int(partition)] = larger(reached.get(int(partition)), offset) or 0
        return reached

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to compare yet."""
        return self.manifest is None and not self.marks


EMPTY: Final = Snapshot({}, {}, {}, None)


def read_snapshot(store: str) -> Snapshot:
    """Read the store; an empty snapshot while it has no tables. Raises InvalidInput for an address of another kind."""
    if not store.startswith(_SQLITE):
        raise InvalidInput(f"--store {store} cannot be read; an SQLite file can: sqlite:///var/store/serving.db")
    file = Path(store.removeprefix(_SQLITE))
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


def _read(connection: sqlite3.Connection) -> Snapshot:
    marks = dict(connection.execute("SELECT partition, next_offset FROM marks"))
    speed = _trips(connection.execute(f"SELECT {_COUNTERS} FROM speed_trips"))  # noqa: S608 - a constant of this module
    served = connection.execute(
        "SELECT v.version, v.manifest FROM serving_version AS s JOIN versions AS v ON v.version = s.version"
    ).fetchone()
    if served is None:
        return Snapshot({}, speed, marks, None)
    version, manifest = served
    batch = connection.execute(f"SELECT {_COUNTERS} FROM batch_trips WHERE version = ?", (version,))  # noqa: S608
    return Snapshot(_trips(batch), speed, marks, decode(manifest.encode(), Manifest))


def _trips(rows: Iterable[_Row]) -> dict[Trip, Totals]:
    return {(vehicle_id, started): Totals(*counters) for vehicle_id, started, *counters in rows}
