"""The files of views: rows counted from their footers, and files of an earlier version taken over without a copy."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MOST_FILES: Final = 32
"""A view that grows by a small file with each version is written anew as one from so many on."""


def rows_in(folder: Path) -> int:
    """Count the rows of a view."""
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("**/*.parquet"))


def take_over(files: Iterable[Path], *, of: Path, into: Path) -> None:
    """Let files below `of` stand below `into` as well: linked where the file system can, else copied."""
    for file in files:
        target = into / file.relative_to(of)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, target)
        except OSError:
            shutil.copyfile(file, target)


def make_few(folder: Path) -> None:
    """Write many small files of a view as one, when there are too many."""
    files = sorted(folder.glob("*.parquet"))
    if len(files) <= _MOST_FILES:
        return
    rows = pa.concat_tables([pq.read_table(file) for file in files])
    joined = folder / "joined.parquet"
    with replacing(joined) as fresh:
        pq.write_table(rows, fresh, compression="zstd")
    for file in files:
        if file != joined:
            file.unlink()
