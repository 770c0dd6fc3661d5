"""One vehicle's readings taken out of the lake, also out of its older files; without Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.dataset as pads
from deltalake import CommitProperties, DeltaTable, write_deltalake

from cold_path.lake import ledger
from cold_path.lake.lookup import lake_rows

if TYPE_CHECKING:
    from datetime import date

    from cold_path.lake.table import Lake


def erase_from_lake(lake: Lake, vehicle_id: str) -> int:
    """Delete every record of a vehicle, and rejected ones that name it; give how many. `lake` must be fresh.

    Each day that it drove on is written anew in one commit, which carries the ledger's entry on. After it no file holds
    the vehicle, so the table as it was before can be read no more.
    """
    if lake.state is None or lake.entry is None:
        return 0
    erased = 0
    for day, rows in _days(lake, vehicle_id).items():
        _write_without(lake, day, rows)
        erased += sum(map(len, rows.values()))
    if erased:
        DeltaTable(str(lake.folder)).vacuum(0, dry_run=False, enforce_retention_duration=False)
        lake.adopt()
    return erased


def _days(lake: Lake, vehicle_id: str) -> dict[date, dict[int, list[int]]]:
    """Give what goes: by day and partition the offsets of the vehicle's records, and of rejected ones that name it."""
    found: dict[date, dict[int, list[int]]] = {}
    concerned = (pads.field("vehicle_id") == vehicle_id) | ~pads.field("rejected_reason").is_null()
    columns = ["day", "partition", "offset", "vehicle_id", "rejected_bytes"]
    dataset = lake_rows(DeltaTable(str(lake.folder)))
    for batch in dataset.to_batches(columns=columns, filter=concerned):
        for day, partition, offset, named, value in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if named == vehicle_id or (value is not None and vehicle_id.encode() in value):
                found.setdefault(day, {}).setdefault(partition, []).append(offset)
    return found


def _write_without(lake: Lake, day: date, gone: dict[int, list[int]]) -> None:
    assert lake.entry is not None  # noqa: S101 - the caller looked
    table = DeltaTable(str(lake.folder))
    goes = pc.scalar(value=False)
    for partition, offsets in gone.items():
        goes |= (pads.field("partition") == partition) & pads.field("offset").isin(offsets)
    left = lake_rows(table).scanner(filter=(pads.field("day") == day) & ~goes)
    write_deltalake(
        table,
        left.to_reader(),
        mode="overwrite",
        predicate=f"day = '{day.isoformat()}'",
        commit_properties=CommitProperties(custom_metadata={"userMetadata": ledger.written(lake.entry)}),
    )
