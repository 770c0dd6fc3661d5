"""Which version is served, which are kept, and up to where the answers know the stream."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from api.period import day_of
from api.store import tables
from contracts.codec import decode
from contracts.topics import VEHICLE_ERASURES, VEHICLES
from contracts.views import Manifest

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection


class Served(NamedTuple):
    """What answers come from; times are the broker's."""

    manifest: Manifest | None
    """Of the batch version served; None before the first."""
    marked_at_ms: int | None
    """The latest broker time that the speed rows know of; None before the first mark."""

    @property
    def version(self) -> int | None:
        """The batch version's number."""
        return self.manifest.version if self.manifest else None

    @property
    def as_of_day(self) -> date:
        """The day that last_N_days end with: the version's, so that both layers mean the same days."""
        if self.manifest:
            return day_of(self.manifest.as_of_ms)
        return day_of(self.marked_at_ms or 0)

    def as_of_ms(self, view: str) -> int | None:
        """Give the latest broker time that a view (merged, batch, speed) knows of."""
        batch = self.manifest.as_of_ms if self.manifest else None
        if view == "batch":
            return batch
        if view == "speed":
            return self.marked_at_ms
        return max((at for at in (batch, self.marked_at_ms) if at is not None), default=None)


class StoreState(NamedTuple):
    """What the store holds of trips and vehicles, by the positions that bring it about."""

    version: tuple[int, ...]
    marks: tuple[tuple[int, ...], ...]
    registered: int
    erased: int

    def has_lists_of(self, earlier: StoreState) -> bool:
        """Tell whether a list of an earlier moment may still be shown: of the same version, and nobody was erased."""
        return (self.version, self.erased) == (earlier.version, earlier.erased)


class StoredVersion(NamedTuple):
    """A version whose every row is in the store."""

    manifest: Manifest
    loaded_at_ms: int


_SERVED = tables.versions.join(tables.serving_version, tables.serving_version.c.version == tables.versions.c.version)
_MANIFEST = select(tables.versions.c.manifest).select_from(_SERVED)
_LOADED = select(tables.versions.c.version, tables.versions.c.loaded_at_ms).select_from(_SERVED)
_MARKED_AT = select(func.max(tables.marks.c.received_at_ms))
_MARKS = select(tables.marks).order_by(tables.marks.c.partition)
_REGISTERED = select(tables.consumed.c.next_offset).where(tables.consumed.c.topic == VEHICLES.name)
_ERASED = select(tables.consumed.c.next_offset).where(tables.consumed.c.topic == VEHICLE_ERASURES.name)
_CONSUMED = select(tables.consumed)


def served(connection: Connection) -> Served:
    """Give what this snapshot answers from."""
    text = connection.scalar(_MANIFEST)
    return Served(_manifest(text) if text else None, connection.scalar(_MARKED_AT))


@lru_cache(maxsize=8)
def _manifest(text: str) -> Manifest:
    return decode(text.encode(), Manifest)


def store_state(connection: Connection) -> StoreState:
    """Give what every answer about trips depends on; equal states give equal answers."""
    version = connection.execute(_LOADED).one_or_none()
    marks = connection.execute(_MARKS).all()
    registered = connection.scalar(_REGISTERED)
    erased = connection.scalar(_ERASED)
    return StoreState(tuple(version) if version else (), tuple(map(tuple, marks)), registered or 0, erased or 0)


def consumed_offsets(connection: Connection) -> tuple[tuple[Any, ...], ...]:
    """Give up to where every topic has been read: what came since is in no answer, and every transaction moves it."""
    return tuple(map(tuple, connection.execute(_CONSUMED)))


def stored_versions(connection: Connection) -> list[StoredVersion]:
    """Give all versions in the store, newest first."""
    table = tables.versions
    rows = connection.execute(select(table.c.manifest, table.c.loaded_at_ms).order_by(table.c.version.desc()))
    return [StoredVersion(decode(text.encode(), Manifest), loaded_at_ms) for text, loaded_at_ms in rows]
