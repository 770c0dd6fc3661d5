"""The Faust table of vehicle states. Its changelog is topic `vehicle-states`; Faust restores it, in chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import faust
from faust.stores import memory
from faust.types import TP

from hot_path.restoration import PartitionRecords

Restored = Callable[[dict[int, PartitionRecords]], Awaitable[None]]
Failed = Callable[[BaseException], None]


class NothingKept(memory.Store):  # type: ignore[misc]  # untyped library
    """A store that has never persisted anything: each assignment reads the changelog from its beginning."""

    def persisted_offset(self, _tp: TP) -> int:
        """Say that nothing was read. None would mean "go on from where the last assignment stopped"."""
        return -1

    def apply_changelog_batch(self, *_: Any, **__: Any) -> None:
        """Do nothing: the table has taken the records as they came."""

    async def on_recovery_completed(self, *_: Any) -> None:
        """Do nothing: there are no rows here."""


class VehicleStates(faust.Table):  # type: ignore[misc]  # untyped library
    """The table between Faust, which knows when to restore, and the folds, which hold the states.

    Its rows live in the folds, one a partition, and are written by the flush with their partition named; Faust would
    take the partition from the event at hand, which may be another one by then.
    """

    def __init__(self, app: faust.App, *, on_restored: Restored, on_failed: Failed, **kwargs: Any) -> None:
        """Take what to call with the records of each partition once all are read, and with any failure.

        Faust logs and forgets what is raised while it restores, hence `on_failed`.
        """
        super().__init__(app, key_type=bytes, value_type=bytes, recovery_buffer_size=2, **kwargs)
        self._on_restored = on_restored
        self._on_failed = on_failed
        self._records: dict[int, PartitionRecords] = defaultdict(PartitionRecords)
        self.chunks_read = 0
        """Of changelogs, ever: restoring goes on while it grows."""

    def _new_store(self) -> NothingKept:
        return NothingKept("memory://", self.app, self, table_name=self.name)

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        """Forget what an earlier assignment has read."""
        self._records.clear()
        await super().on_rebalance(*args, **kwargs)

    async def on_changelog_event(self, event: Any) -> None:
        """Take one chunk of the changelog."""
        self.chunks_read += 1
        try:
            self._records[event.message.partition].take(event.message.value)
        except Exception as error:  # noqa: BLE001 - Faust would go on without the chunk
            self._on_failed(error)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Hand over what was read, for each partition of this assignment."""
        await super().on_recovery_completed(active_tps, standby_tps)
        records = {tp.partition: self._records.pop(tp.partition, PartitionRecords()) for tp in active_tps}
        try:
            await self._on_restored(records)
        except Exception as error:  # noqa: BLE001 - Faust would start reading without states
            self._on_failed(error)
