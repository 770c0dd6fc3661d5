"""The lake: one Delta table, one row a record of Kafka, by UTC day. Read here without Spark; written by ingest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow.dataset as pads
from deltalake import DeltaTable

from cold_path.lake import ledger
from cold_path.lake.survey import SURVEYED, Survey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from cold_path.lake.ledger import Entry
    from cold_path.source.offsets import Offsets


_LAST_COMMITS: Final = 10


@dataclass(frozen=True, slots=True)
class LakeState:
    """The lake at one version: what its ledger says, and the names of its files."""

    version: int
    entry: Entry | None
    files: frozenset[str]


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
        entry = _newest_entry(table)
        ledger.agreed(entry, self.survey.highest_offsets)
        self.state = LakeState(table.version(), entry, files)
        return new

    @property
    def entry(self) -> Entry | None:
        """The ledger's newest entry."""
        return self.state.entry if self.state else None

    @property
    def covered(self) -> Offsets:
        """Partition to the first offset that the lake does not cover."""
        return self.entry.offsets if self.entry else {}


def _newest_entry(table: DeltaTable) -> Entry | None:
    """Look at the last commits first: all of them are thousands after some days."""
    for limit in (_LAST_COMMITS, None):
        if entry := ledger.newest(commit.get("userMetadata") for commit in table.history(limit)):
            return entry
    return None


def _rows(files: list[str]) -> Iterator[pa.RecordBatch]:
    if files:
        yield from pads.dataset(files, format="parquet").to_batches(columns=list(SURVEYED))
