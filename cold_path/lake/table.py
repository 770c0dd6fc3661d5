"""The lake: one Delta table, one row a record of Kafka, by UTC day. Read here without Spark; written by ingest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from cold_path.lake import ledger
from cold_path.lake.survey import SURVEYED, Survey
from contracts.errors import MalformedRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cold_path.lake.ledger import Entry
    from cold_path.source.offsets import Offsets


_LAST_COMMITS: Final = 10
_MS_A_DAY: Final = 86_400_000
_DAY: Final = re.compile(r"/day=(\d{4}-\d\d-\d\d)/")


@dataclass(frozen=True, slots=True)
class LakeState:
    """The lake at one version: what its ledger says, and the names of its files."""

    version: int
    entry: Entry | None
    files: frozenset[str]

    @property
    def days(self) -> frozenset[date]:
        """The days that the table is partitioned into."""
        return frozenset(date.fromisoformat(day) for file in self.files for day in _DAY.findall(file))


class Lake:
    """The lake in a folder, as this process knows it; `refresh` after every commit.

    The first refresh reads a few columns of all rows, later ones those of new files only.
    """

    def __init__(self, folder: Path) -> None:
        """Look at nothing yet."""
        self.folder = folder
        self.survey = Survey()
        self.state: LakeState | None = None

    def refresh(self) -> Survey:
        """Look at the newest version; give a survey of its new rows. Raises MalformedRecord: rows and ledger differ."""
        new = Survey()
        if not DeltaTable.is_deltatable(str(self.folder)):
            return new
        table = DeltaTable(str(self.folder))
        known = self.state.files if self.state else frozenset()
        files = frozenset(table.file_uris())
        for rows in _rows(sorted(files - known)):
            new.add([rows])
            self.survey.add([rows])
        entry = newest_entry(table)
        ledger.agreed(entry, self.survey.highest_offsets)
        self.state = LakeState(table.version(), entry, files)
        return new

    def adopt(self) -> None:
        """Take the newest version for known: it has the rows surveyed already in other files, or fewer of them."""
        table = DeltaTable(str(self.folder))
        self.state = LakeState(table.version(), newest_entry(table), frozenset(table.file_uris()))

    def later_days(self, covered: Mapping[int, int], *, since_version: int) -> frozenset[date]:
        """Give the days of the trips that good rows at or above the covered offsets belong to.

        Only files that the table did not have at `since_version` are looked into.
        """
        if self.state is None:
            return frozenset()
        try:
            known = frozenset(DeltaTable(str(self.folder), version=since_version).file_uris())
        except DeltaError:  # that version's log has been cleaned up
            known = frozenset()
        days: set[int] = set()
        for rows in _rows(sorted(self.state.files - known)):
            days |= _later_days(rows, covered)
        return frozenset(date(1970, 1, 1) + timedelta(days=day) for day in days)

    @property
    def entry(self) -> Entry | None:
        """The ledger's newest entry."""
        return self.state.entry if self.state else None

    @property
    def covered(self) -> Offsets:
        """Partition to the first offset that the lake does not cover."""
        return self.entry.offsets if self.entry else {}


def _later_days(rows: pa.RecordBatch, covered: Mapping[int, int]) -> set[int]:
    partitions, offsets = rows.column("partition").to_numpy(), rows.column("offset").to_numpy()
    bounds = np.zeros(max(int(partitions.max(initial=0)), *covered, 0) + 1, np.int64)
    bounds[list(covered)] = list(covered.values())
    started = rows.column("trip_started_at_ms").to_numpy(zero_copy_only=False)
    is_later = (offsets >= bounds[partitions]) & rows.column("rejected_reason").is_null().to_numpy(zero_copy_only=False)
    return {int(day) for day in np.unique(started[is_later] // _MS_A_DAY)}


def newest_entry(table: DeltaTable) -> Entry | None:
    """Return the ledger's newest entry of a table.

    The last commits are looked at first: all of them are thousands after some days.
    """
    for limit in (_LAST_COMMITS, None):
        if entry := ledger.newest(commit.get("userMetadata") for commit in table.history(limit)):
            return entry
    return None


def _rows(files: list[str]) -> Iterator[pa.RecordBatch]:
    for file in files:
        try:
            yield from pads.dataset(file, format="parquet").to_batches(columns=list(SURVEYED))
        except (pa.ArrowException, OSError) as error:
            message = f"{file} of the lake cannot be read ({error}); restore it from a copy, or fill a new --lake"
            raise MalformedRecord(message) from error
