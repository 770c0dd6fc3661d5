"""The watchdog: ends a worker that gets no further while readings wait, so that it is started again.

Of what is committed it asks the broker, since Faust's own monitor also advances when a commit has failed. It does so
from a thread and over a connection of its own, since what stands still may be the worker's event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from contracts.errors import ConnectedCarsError
from hot_path.standstill import Offsets, Progress, StandstillWatch
from observability import metrics
from runtime.kafka.consumer import kafka_consumer

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from hot_path.settings import HotPathSettings

log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
END_WITHIN_S = 10.0
_DEFECT = 1


class Standstill(ConnectedCarsError):
    """Readings wait at the broker and this worker gets no further: only a restart mends it (exit code 1)."""


class Watchdog:
    """Watches the partitions that this worker is assigned."""

    def __init__(
        self,
        settings: HotPathSettings,
        *,
        assigned: Callable[[], Mapping[int, Progress]],
        fail: Callable[[BaseException], None],
    ) -> None:
        """Take what tells the partitions and how far each is, and what ends the worker; both are called in a thread."""
        self._settings = settings
        self._assigned = assigned
        self._fail = fail
        self._patience_s = settings.standstill_s
        self._watch = StandstillWatch()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._watch_over, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """End the watch; called again, nothing happens."""
        self._stopped.set()

    def _watch_over(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception as error:  # noqa: BLE001 - a worker that nobody watches must not go on
            self._fail(error)

    async def _run(self) -> None:
        while not self._stopped.is_set():
            with suppress(KafkaError, OSError):  # an unreachable broker: nothing is known, so nothing stands still
                await self._look_until_stopped()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look_until_stopped(self) -> None:
        # Reads what is committed: what an open transaction holds up does not wait for this worker.
        async with kafka_consumer(self._settings.bootstrap, group_id=self._settings.app_id) as consumer:
            while not self._stopped.is_set():
                await self._look(consumer)
                await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        assigned = self._assigned()
        partitions = [TopicPartition(self._settings.readings_topic, number) for number in assigned]
        ends = await consumer.end_offsets(partitions) if partitions else {}
        offsets = {
            tp.partition: Offsets(await consumer.committed(tp), end, assigned[tp.partition]) for tp, end in ends.items()
        }
        standing = self._watch.observe(offsets, time.monotonic())
        metrics.STANDSTILL_SECONDS.set(max(standing.values(), default=0))
        stuck = [partition for partition, seconds in standing.items() if seconds > self._patience_s]
        if stuck and not self._stopped.is_set():
            self._restart({partition: offsets[partition] for partition in stuck})

    def _restart(self, stuck: dict[int, Offsets]) -> None:
        told = {number: f"{each.committed} of {each.end}" for number, each in stuck.items()}
        log.error("worker stands still, restarting", extra={"seconds": self._patience_s, "committed": told})
        metrics.STANDSTILL_RESTARTS.inc()
        self._fail(Standstill(f"for {self._patience_s:g} s nothing was done for partitions {sorted(stuck)}"))
        # A loop that no longer turns cannot end the program either.
        if not self._stopped.wait(END_WITHIN_S):
            os._exit(_DEFECT)
