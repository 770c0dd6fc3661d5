"""Upkeep of the lake, without Spark: small files joined, old days forgotten, and what no version needs removed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from deltalake import CommitProperties, DeltaTable, WriterProperties

from cold_path.lake import ledger
from cold_path.lake.files import ROWS_A_GROUP

if TYPE_CHECKING:
    from cold_path.lake.table import Lake

SMALL_FILE_BYTES: Final = 32 * 1024 * 1024
"""A file below this is small; joined ones are about this large."""

_UNREFERENCED_HOURS: Final = 24
"""Files that the table no longer has stay so long: readers of a published version may still look into them."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was done; all zero when there was nothing to do."""

    joined_files: int = 0
    into_files: int = 0
    forgotten_days: int = 0
    removed_files: int = 0

    @property
    def is_nothing(self) -> bool:
        """Tell whether the lake is as it was."""
        return not (self.joined_files or self.forgotten_days or self.removed_files)


def small_files(lake: Lake) -> Counter[str]:
    """Count the small files of each day."""
    if lake.state is None:
        return Counter()
    actions = DeltaTable(str(lake.folder), version=lake.state.version).get_add_actions(flatten=True)
    days, sizes = actions.column("partition.day").to_pylist(), actions.column("size_bytes").to_pylist()
    return Counter(str(day) for day, size in zip(days, sizes, strict=True) if size < SMALL_FILE_BYTES)


def keep_up(lake: Lake, *, most_small_files: int, keep_days: int, rows_a_group: int = ROWS_A_GROUP) -> Upkeep:
    """Join the files of days with more small ones than that, and forget days that are too old; `lake` must be fresh.

    Days count from the newest record's. A number of 0 leaves that undone. Each step is one commit that carries the
    ledger's entry on, so that killed anywhere the lake has the same rows, and offsets are known as before.
    """
    if lake.state is None or lake.entry is None:
        return Upkeep()
    table = DeltaTable(str(lake.folder))
    properties = CommitProperties(custom_metadata={"userMetadata": ledger.written(lake.entry)})
    # Packed as delta-rs does by itself, which would make one row group of a file.
    written = WriterProperties(max_row_group_size=rows_a_group, compression="ZSTD", compression_level=4)
    forgotten = _forget(table, lake, keep_days, properties) if keep_days else 0
    joined = into = 0
    crowded = [day for day, files in small_files(lake).items() if most_small_files and files > most_small_files]
    for day in crowded:
        done = table.optimize.compact(
            partition_filters=[("day", "=", day)],
            target_size=SMALL_FILE_BYTES,
            max_concurrent_tasks=1,
            writer_properties=written,
            commit_properties=properties,
        )
        joined, into = joined + int(done["numFilesRemoved"]), into + int(done["numFilesAdded"])
    removed = 0
    if crowded or forgotten:
        unneeded = table.vacuum(_UNREFERENCED_HOURS, dry_run=False, enforce_retention_duration=False, full=True)
        removed = len(unneeded)
        lake.adopt()
    return Upkeep(joined, into, forgotten, removed)


def _forget(table: DeltaTable, lake: Lake, keep_days: int, properties: CommitProperties) -> int:
    assert lake.state is not None  # noqa: S101 - the caller looked
    newest = date(1970, 1, 1) + timedelta(milliseconds=lake.survey.latest_ms)
    first = newest - timedelta(days=keep_days - 1)
    old = [day for day in lake.state.days if day < first]
    if old:
        table.delete(f"day < '{first.isoformat()}'", commit_properties=properties)
    return len(old)
