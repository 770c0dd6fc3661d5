"""One commit of an ingest: its files and its ledger entry, in one step, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, CommitProperties, Transaction, create_table_with_add_actions

from cold_path.lake import ledger
from cold_path.lake.files import LOOKED_UP
from cold_path.lake.judgement import LAKE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cold_path.lake.ledger import Entry

_BY: Final = ["day"]
_SETTINGS: Final = {"delta.dataSkippingNumIndexedCols": str(len(LOOKED_UP))}
"""Of how many columns the table keeps statistics, the first ones; some readers take others to be null without it."""


def commit(folder: Path, entry: Entry, files: Iterable[Mapping[str, Any]]) -> None:
    """Make files part of the table, together with the entry that says which offsets they cover.

    Does nothing when an entry of this number is there: a driver thought dead comes too late.
    """
    actions = [
        AddAction(file["path"], file["size"], {"day": file["day"]}, file["modified_at_ms"], True, file["stats"])  # noqa: FBT003
        for file in files
    ]
    properties = CommitProperties(
        custom_metadata={"userMetadata": ledger.written(entry)},
        max_commit_retries=0,
        app_transactions=[Transaction(ledger.APPLICATION, entry.number)],
    )
    schema = Schema.from_arrow(LAKE_SCHEMA)
    if not DeltaTable.is_deltatable(str(folder)):
        create_table_with_add_actions(
            str(folder.absolute()),
            schema,
            actions,
            partition_by=_BY,
            configuration=_SETTINGS,
            commit_properties=properties,
        )
        return
    table = DeltaTable(str(folder))
    if (table.transaction_version(ledger.APPLICATION) or 0) >= entry.number:
        return
    _take_up_new_fields(table, schema)
    table.create_write_transaction(actions, "append", schema, partition_by=_BY, commit_properties=properties)


def _take_up_new_fields(table: DeltaTable, schema: Schema) -> None:
    """Add the columns that readings have had only since the table was made; older files have nulls there."""
    known = {field.name for field in table.schema().fields}
    if new := [field for field in schema.fields if field.name not in known]:
        table.alter.add_columns(new)
