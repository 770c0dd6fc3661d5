"""The worker around the folds: chunks in, alerts and rejections out at once, states by the flush. Holds no rule."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from contracts.errors import InvalidInput
from contracts.topics import READING_PARTITIONS
from hot_path.decision import Effects, decide
from hot_path.figures import count, count_alert
from hot_path.flush import flush, flush_interval_s
from hot_path.owned import OwnedPartition
from hot_path.restoration import was_created_anew
from observability import metrics
from rules.limits import HOUR_MS
from rules.partition import PartitionFold
from rules.written import gathered
from runtime.kafka.passed_over import PassedOver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from contracts.alert import Alert
    from contracts.vehicle import Vehicle
    from hot_path.at_end import Position
    from hot_path.lookups import Lookups, ReadingsNow
    from hot_path.publisher import Publisher, Sent
    from hot_path.restoration import PartitionRecords
    from hot_path.settings import HotPathSettings
    from rules import Rules
    from rules.written import Written
    from runtime.kafka.chunk import Chunk

    class Source(Protocol):
        """What the worker asks of the consumer."""

        @property
        def epoch(self) -> int:
            """Chunks of another epoch do not count."""

        def processed(self, chunk: Chunk) -> None:
            """Take a chunk whose effects are all acknowledged."""

        async def where(self, partition: int, *, folded: int | None) -> Position:
            """Tell where in a partition the worker stands."""


log = logging.getLogger(__name__)
LONGER_THAN_SILENCE_MS = 5_000


class Worker:
    """The partitions that are owned, and what is done with their chunks."""

    def __init__(
        self,
        settings: HotPathSettings,
        rules: Rules,
        *,
        registry: Mapping[str, Vehicle],
        publisher: Publisher,
        lookups: Lookups,
        source: Callable[[], Source],
    ) -> None:
        """Own nothing yet."""
        self._settings = settings
        self._rules = rules
        self._registry = registry
        self._publisher = publisher
        self._lookups = lookups
        self._source = source
        self._passed_over = PassedOver()
        self._deciding = asyncio.Lock()
        self.owned: dict[int, OwnedPartition] = {}
        self.is_restored = False
        self._told_unwatched: dict[int, int] = {}
        self._told_waiting: dict[int, int] = {}

    def is_ready(self) -> bool:
        """Tell whether states are restored and the end of every partition was reached once."""
        return self.is_restored and all(owned.end.was_reached for owned in self.owned.values())

    async def restore(self, records: dict[int, PartitionRecords]) -> None:
        """Own the partitions of a new assignment. What cannot be true gives way to what was written before it.

        Raises InvalidInput if the topic of readings was created anew.
        """
        self.drop()
        readings = await self._lookups.readings()
        believed = {number: await self._believed(number, written, readings) for number, written in records.items()}
        self._refuse_new_topic(records, believed, readings.topic_id)
        for partition, written in believed.items():
            states, mark = gathered(written.items())
            fold = PartitionFold(
                partition,
                self._rules,
                registry=self._registry,
                states=states,
                mark=mark,
            )
            known_to = max((state.offset for state in states.values()), default=-1)
            next_offset = mark.next_offset if mark else None
            self.owned[partition] = OwnedPartition(
                fold, next_offset=next_offset, known_to=known_to, topic_id=readings.topic_id
            )
            await asyncio.sleep(0)
        self.is_restored = True
        metrics.PARTITIONS_OWNED.set(len(self.owned))
        log.info("states restored", extra={"partitions": len(self.owned), "vehicles": self.vehicle_count()})

    async def _believed(self, partition: int, written: PartitionRecords, readings: ReadingsNow) -> dict[bytes, Written]:
        """Judge what was read: better a few vehicles that begin anew than a partition without alerts."""
        found, lost = written.believed(readings.ends, readings.topic_id)
        for record, error in written.refused:
            self._passed_over.tell(record.topic, record.partition, record.offset, error)
        if lost:
            found |= await self._lookups.older(partition, lost, readings)
        return found

    def _refuse_new_topic(
        self, records: dict[int, PartitionRecords], believed: dict[int, dict[bytes, Written]], topic_id: str | None
    ) -> None:
        refused = (error for written in records.values() for _, error in written.refused)
        found = (one for written in believed.values() for one in written.values())
        if was_created_anew(refused, found, topic_id):
            readings, states = self._settings.readings_topic, self._settings.states_topic
            raise InvalidInput(
                f"topic {readings} was created anew since {states} was written, so offsets there mean other readings: "
                f"delete {states} and make it again with `stack topics`, and delete store and lake, which are rebuilt"
            )

    def drop(self) -> None:
        """Give up all partitions; what is not sent stays unsent."""
        for owned in self.owned.values():
            owned.is_dropped = True
        self.owned.clear()
        self.is_restored = False

    def vehicle_count(self) -> int:
        """Count the vehicles in the owned partitions."""
        return sum(owned.fold.vehicle_count() for owned in self.owned.values())

    def _tell_unwatched(self) -> None:
        """Say, once for each partition and hour in which there are some, that nobody watches these vehicles."""
        folds = [owned.fold for owned in self.owned.values()]
        metrics.VEHICLES_UNWATCHED.set(sum(fold.unwatched for fold in folds))
        for fold in folds:
            hour = fold.newcomers.hour
            if fold.unwatched and self._told_unwatched.get(fold.partition) != hour:
                self._told_unwatched[fold.partition] = hour
                facts = {"partition": fold.partition, "vehicles": fold.unwatched, "most_new": fold.newcomers.most}
                log.warning("vehicles beyond the bound of new ones are not watched", extra=facts)

    def _tell_waiting_codes(self) -> None:
        """Say, once for each partition and hour in which there are some, that trouble codes are told later."""
        for fold in (owned.fold for owned in self.owned.values()):
            waiting, fold.codes_waiting = fold.codes_waiting, 0
            metrics.TROUBLE_CODES_WAITING.inc(waiting)
            hour = fold.clock_ms // HOUR_MS
            if waiting and self._told_waiting.get(fold.partition) != hour:
                self._told_waiting[fold.partition] = hour
                facts = {"partition": fold.partition, "codes": waiting}
                log.warning("trouble codes wait, as too many changed in their partition at once", extra=facts)

    async def take(self, chunk: Chunk) -> None:
        """Fold one chunk and queue what follows. Raises LostChunk, and what sending raises."""
        owned = self.owned.get(chunk.partition)
        if owned is None or chunk.epoch != self._source().epoch or not owned.delivery.is_due(chunk):
            return
        async with self._deciding:
            effects = decide(owned.fold, chunk, partitions=READING_PARTITIONS)
            owned.take(chunk)
            await self._queue(owned, effects)
        count(effects)

    async def _queue(self, owned: OwnedPartition, effects: Effects) -> None:
        """Send alerts and rejections in their order; the flush awaits what this leaves to be acknowledged."""
        if effects.is_empty() or owned.is_dropped:
            return
        sent: list[Sent] = [await self._send(owned, alert, is_timed=False) for alert in effects.overdue]
        sent += [await self._send(owned, alert, is_timed=True) for alert in effects.alerts]
        sent += [await self._publisher.reject(rejected) for rejected in effects.rejected]
        owned.await_later(sent)

    async def _send(self, owned: OwnedPartition, alert: Alert, *, is_timed: bool) -> Sent:
        sent = await self._publisher.alert(alert, partition=owned.fold.partition)
        is_live = owned.live_from_ms is not None and alert.received_at_ms > owned.live_from_ms
        sent.add_done_callback(partial(count_alert, alert, is_timed=is_timed and is_live))
        return sent

    async def look_for_silence(self, now_ms: int) -> None:
        """Look where each partition's end is (local time, epoch ms); raise silence where it was held long enough."""
        for partition, owned in list(self.owned.items()):
            position = await self._source().where(partition, folded=owned.next_offset)
            if owned.is_dropped:
                return
            held_ms = owned.end.observe(position, now_ms, heard_to=owned.heard_to)
            if owned.end.was_reached and owned.live_from_ms is None:
                owned.live_from_ms = owned.fold.clock_ms
            silence_s = owned.fold.silence_s
            if silence_s is not None and held_ms > silence_s * 1000 + LONGER_THAN_SILENCE_MS:
                await self._raise_silence(owned, held_ms)

    async def _raise_silence(self, owned: OwnedPartition, held_ms: int) -> None:
        async with self._deciding:
            # The broker's clock has come at least this far, whatever the local one says.
            effects = Effects(overdue=owned.fold.at_end(owned.fold.clock_ms + held_ms))
            await self._queue(owned, effects)

    async def flush_all(self) -> None:
        """Flush every partition, one after the other. Raises what sending raises."""
        for owned in list(self.owned.values()):
            await flush(owned, self._publisher, self._deciding, self._source().processed)

    async def flush_regularly(self) -> None:
        """Flush at the fleet's pace until cancelled."""
        while True:
            started_s = time.monotonic()
            await self.flush_all()
            vehicles = self.vehicle_count()
            metrics.VEHICLES_KNOWN.set(vehicles)
            self._tell_unwatched()
            self._tell_waiting_codes()
            pause_s = flush_interval_s(self._settings, vehicles) - (time.monotonic() - started_s)
            await asyncio.sleep(max(0.05, pause_s))
