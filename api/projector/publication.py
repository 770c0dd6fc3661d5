"""Published versions into the store: loaded in chunks under their number, served from one small transaction on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete, func, select, true
from sqlalchemy.exc import OperationalError

from api.projector.erasure import erase_from_version, erase_next_from_version
from api.store import tables
from api.store.dialect import insert_many, upsert
from contracts.codec import decode, encode
from contracts.errors import MalformedRecord
from contracts.views import (
    KEPT_VERSIONS,
    PIN_FILE,
    VIEW_COLUMNS,
    Manifest,
    current_version,
    read_manifest,
    version_folder,
)
from observability.metrics import BATCH_VERSION, PROJECTED_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

log = logging.getLogger(__name__)

CHUNK_ROWS = 5_000


class Publication:
    """Follows VIEWS/CURRENT, forward and back. `step` does one transaction, so that alerts are written in between."""

    def __init__(self, engine: Engine, views: Path, clock: Callable[[], int]) -> None:
        """Serve what the store serves already."""
        self._engine = engine
        self._views = views
        self._clock = clock
        self._steps: Iterator[None] | None = None
        self._refused: Manifest | None = None
        self._told: str | None = None
        self.is_current = False
        """Whether the version that CURRENT names is served, or there is none."""

    @property
    def is_loading(self) -> bool:
        """Whether a step is left to do."""
        return self._steps is not None

    def look(self) -> None:
        """Begin to follow if CURRENT names another version than the store serves."""
        if self._steps is not None:
            return
        wanted = self._wanted()
        if wanted is None or wanted == self._refused:
            return
        with self._engine.begin() as connection:
            served = _served(connection)
        self.is_current = served == wanted
        if not self.is_current:
            self._steps = self._follow(wanted)

    def _wanted(self) -> Manifest | None:
        try:
            version = current_version(self._views)
            self.is_current = self.is_current or version is None
            return None if version is None else read_manifest(self._views, version)
        except MalformedRecord as error:
            if str(error) != self._told:
                self._told = str(error)
                log.warning("published version cannot be read", extra={"reason": str(error)})
            return None

    def step(self) -> None:
        """Do the next transaction of following; a version that cannot be loaded is refused and the old one stays."""
        if self._steps is None:
            return
        try:
            next(self._steps)
        except StopIteration:
            self._steps = None
        except (MalformedRecord, OSError, pa.ArrowException) as error:
            log.error("published version cannot be loaded; publish it anew", extra={"reason": str(error)})  # noqa: TRY400
            self._steps = None
        except OperationalError as error:
            log.error("store cannot be written; see to its disk or server", extra={"reason": str(error.orig)})  # noqa: TRY400
            self._steps, self._refused = None, None

    def _follow(self, manifest: Manifest) -> Iterator[None]:
        self._refused = manifest
        with self._engine.begin() as connection:
            stored = _stored_manifest(connection, manifest.version)
            _forget_half_loaded(connection)
            if stored != manifest:
                _forget(connection, manifest.version)
        if stored != manifest:
            yield from self._load(manifest)
            with self._engine.begin() as connection:
                _check_counts(connection, manifest)
        yield from self._erase(manifest)
        with self._engine.begin() as connection:
            erase_from_version(connection, manifest, true())  # whoever was erased since
            _serve(connection, manifest, self._clock())
        self._refused = None
        self.is_current = True
        BATCH_VERSION.set(manifest.version)
        log.info("batch version served", extra={"version": manifest.version} | manifest.row_counts)
        yield
        yield from self._forget_old(manifest)

    def _load(self, manifest: Manifest) -> Iterator[None]:
        folder = version_folder(self._views, manifest.version)
        for view in tables.BATCH:
            columns = VIEW_COLUMNS[view]
            for file in sorted((folder / view).glob("**/*.parquet")):
                for rows in _chunks(file, list(columns)):
                    with self._engine.begin() as connection:
                        numbered = [{"version": manifest.version} | row for row in rows]
                        insert_many(connection, tables.BATCH[view], numbered)
                    PROJECTED_ROWS.labels(f"batch_{view}").inc(len(rows))
                    yield

    def _erase(self, manifest: Manifest) -> Iterator[None]:
        """Erase from a version whoever was erased after it was computed, some at a time."""
        after: str | None = ""
        while after is not None:
            with self._engine.begin() as connection:
                after = erase_next_from_version(connection, manifest, after)
            yield

    def _forget_old(self, served: Manifest) -> Iterator[None]:
        kept = self._kept(served)
        with self._engine.begin() as connection:
            stored = set(connection.scalars(select(tables.versions.c.version)))
        for version in sorted(stored - kept.keys()):
            with self._engine.begin() as connection:
                _forget(connection, version)
            yield
        # A rollback may go to any kept version, so speed rows stay until the oldest of them has what they say.
        for partition, covered in _covered_by_all(list(kept.values())).items():
            old = (tables.speed_trips.c.partition == partition) & (tables.speed_trips.c.source_offset < covered)
            with self._engine.begin() as connection:
                connection.execute(delete(tables.speed_trips).where(old))
            yield

    def _kept(self, served: Manifest) -> dict[int, Manifest]:
        """Give the versions that a rollback may go to: the newest, and those that are pinned."""
        numbers = (int(folder.name) for folder in (self._views / "versions").glob("*") if folder.name.isdecimal())
        kept: dict[int, Manifest] = {}
        for version in sorted(numbers, reverse=True):
            is_pinned = (version_folder(self._views, version) / PIN_FILE).exists()
            if len(kept) >= KEPT_VERSIONS and not is_pinned:
                continue
            try:
                kept[version] = read_manifest(self._views, version)
            except MalformedRecord:
                continue  # being written, or being collected
        return kept | {served.version: served}


def _chunks(file: Path, columns: list[str]) -> Iterator[list[dict[str, Any]]]:
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=CHUNK_ROWS, columns=columns):
            yield batch.to_pylist()


def _covered_by_all(manifests: list[Manifest]) -> dict[int, int]:
    """Give for each partition the offset that every one of these versions covers."""
    partitions = set.intersection(*(set(manifest.covered_offsets) for manifest in manifests))
    return {
        int(partition): min(manifest.covered_offsets[partition] for manifest in manifests) for partition in partitions
    }


def _stored_manifest(connection: Connection, version: int) -> Manifest | None:
    text = connection.scalar(select(tables.versions.c.manifest).where(tables.versions.c.version == version))
    return decode(text.encode(), Manifest) if text is not None else None


def _served(connection: Connection) -> Manifest | None:
    version = connection.scalar(select(tables.serving_version.c.version))
    return None if version is None else _stored_manifest(connection, version)


def _forget_half_loaded(connection: Connection) -> None:
    """Delete the rows that a projector left when it died while loading."""
    whole = set(connection.scalars(select(tables.versions.c.version)))
    for table in tables.BATCH.values():
        for version in set(connection.scalars(select(table.c.version).distinct())) - whole:
            connection.execute(delete(table).where(table.c.version == version))


def _forget(connection: Connection, version: int) -> None:
    """Delete a version; if it is the one served, nothing is served until another is."""
    connection.execute(delete(tables.serving_version).where(tables.serving_version.c.version == version))
    for table in (tables.versions, tables.version_offsets, *tables.BATCH.values()):
        connection.execute(delete(table).where(table.c.version == version))


def _check_counts(connection: Connection, manifest: Manifest) -> None:
    for view, due in manifest.row_counts.items():
        table = tables.BATCH.get(view)
        if table is None:
            continue
        rows = connection.scalar(select(func.count()).select_from(table).where(table.c.version == manifest.version))
        if rows != due:
            message = f"version {manifest.version}, view {view}: {rows} rows, but its manifest says {due}"
            raise MalformedRecord(message)


def _serve(connection: Connection, manifest: Manifest, loaded_at_ms: int) -> None:
    version = manifest.version
    row = {"version": version, "manifest": encode(manifest).decode(), "loaded_at_ms": loaded_at_ms}
    upsert(connection, tables.versions, [row])
    offsets = [
        {"version": version, "partition": int(partition), "next_offset": offset}
        for partition, offset in manifest.covered_offsets.items()
    ]
    upsert(connection, tables.version_offsets, offsets)
    upsert(connection, tables.serving_version, [{"id": 1, "version": version}])
