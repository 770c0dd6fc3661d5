"""The lake's rows for who looks some up without Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.dataset as pads

if TYPE_CHECKING:
    from deltalake import DeltaTable

_BY_DAY: Final = pads.partitioning(pa.schema([("day", pa.date32())]), flavor="hive")


def lake_rows(table: DeltaTable) -> pads.Dataset:
    """Give a version's rows as a dataset to filter; files of other days are left out.

    `DeltaTable.to_pyarrow_dataset` gives wrong answers here: of a column without statistics, and the lake keeps those
    of three, it claims that every value is null, so a filter on it finds no row, or every row.
    """
    schema = pa.schema(table.schema().to_arrow())
    return pads.dataset(table.file_uris(), schema=schema, format="parquet", partitioning=_BY_DAY)
