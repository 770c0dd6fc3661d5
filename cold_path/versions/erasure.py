"""One vehicle's rows taken out of every published version; sums of models and fleets stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cold_path.versions.publication import published_numbers
from contracts.errors import MalformedRecord
from contracts.files import replacing
from contracts.views import VIEW_COLUMNS, manifest_bytes, read_manifest, version_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def erase_from_versions(views: Path, vehicle_id: str) -> int:
    """Rewrite the files that hold the vehicle, and the manifests' row counts; give how many rows went."""
    erased = 0
    for number in published_numbers(views):
        try:
            manifest = read_manifest(views, number)
        except MalformedRecord:
            continue  # not published, or being collected
        counts = dict(manifest.row_counts)
        for view in VIEW_COLUMNS:
            gone = sum(
                _rewritten(file, vehicle_id) for file in (version_folder(views, number) / view).glob("**/*.parquet")
            )
            counts[view] = counts.get(view, gone) - gone
            erased += gone
        if counts != manifest.row_counts:
            with replacing(version_folder(views, number) / "manifest.json") as file:
                file.write(manifest_bytes(msgspec.structs.replace(manifest, row_counts=counts)))
    return erased


def _rewritten(file: Path, vehicle_id: str) -> int:
    """Give how many rows a file has lost."""
    rows = pq.read_table(file)
    name = next((name for name in ("vehicle_id", "key") if name in rows.column_names), None)
    if name is None:
        return 0
    left: pa.Table = rows.filter(pc.invert(pc.equal(rows.column(name), vehicle_id)))
    if left.num_rows < rows.num_rows:
        with replacing(file) as fresh:
            pq.write_table(left, fresh)
    return int(rows.num_rows - left.num_rows)
