"""The worker around the folds: chunks in, alerts and rejections out at once, states by the flush. Holds no rule."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from contracts.errors import InvalidInput
from contracts.topics import READING_PARTITIONS
from hot_path.decision import Decision, Effects
from hot_path.figures import count, count_alert
from hot_path.flush import flush, flush_interval_s
from hot_path.owned import OwnedPartition
from hot_path.restoration import was_created_anew
from hot_path.standstill import Progress
from observability import metrics
from rules.limits import HOUR_MS
from rules.partition import PartitionFold
from rules.written import gathered
from runtime.kafka.passed_over import PassedOver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
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
TURN_S = 0.003
"""For so long, and a record more, one partition is folded before others, and what sends and receives, have a turn."""
MOST_WAITING = 4
"""Chunks of a partition that wait, at which no more of it are fetched."""
RECORDS_A_STEP = 1_000
"""As many restored states are judged before anything else has a turn."""


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
        self._turns = asyncio.Lock()
        self._restored = 0
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
            await self._restores_on()
        self.is_restored = True
        metrics.PARTITIONS_OWNED.set(len(self.owned))
        log.info("states restored", extra={"partitions": len(self.owned), "vehicles": self.vehicle_count()})

    async def _believed(self, partition: int, written: PartitionRecords, readings: ReadingsNow) -> dict[bytes, Written]:
        """Judge what was read: better a few vehicles that begin anew than a partition without alerts."""
        found: dict[bytes, Written] = {}
        lost: set[bytes] = set()
        while written.count():
            found_now, lost_now = written.believed(readings.ends, readings.topic_id, most=RECORDS_A_STEP)
            found |= found_now
            lost |= lost_now
            await self._restores_on()
        for record, error in written.refused:
            self._passed_over.tell(record.topic, record.partition, record.offset, error)
        if lost:
            found |= await self._lookups.older(partition, lost, readings)
        return found

    async def _restores_on(self) -> None:
        self._restored += 1
        await asyncio.sleep(0)

    def progress(self, partition: int) -> Progress:
        """Return how far a partition is, for the watchdog, which asks from its thread."""
        owned = self.owned.get(partition)
        if owned is None or not self.is_restored:
            return Progress(None, ("restored", self._restored))
        return owned.progress()

    def is_busy(self, partition: int) -> bool:
        """Return whether a partition has so much to fold that no more is to be fetched."""
        owned = self.owned.get(partition)
        return owned is not None and owned.waiting >= MOST_WAITING

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
            waiting, fold.judge.codes_waiting = fold.judge.codes_waiting, 0
            metrics.TROUBLE_CODES_WAITING.inc(waiting)
            hour = fold.clock_ms // HOUR_MS
            if waiting and self._told_waiting.get(fold.partition) != hour:
                self._told_waiting[fold.partition] = hour
                facts = {"partition": fold.partition, "codes": waiting}
                log.warning("trouble codes wait, as too many changed in their partition at once", extra=facts)

    async def take(self, chunk: Chunk) -> None:
        """Fold one chunk and queue what follows, in turns with other partitions. To be called in the chunks' order.

        Raises LostChunk, and what sending raises; nothing of the partition is folded or written after that.
        """
        owned = self.owned.get(chunk.partition)
        if owned is None or not self._counts(chunk):
            return
        owned.waiting += 1
        try:
            if owned.delivery.is_due(chunk):
                async with owned.taking:
                    await self._fold(owned, chunk)
        except BaseException:
            owned.is_dropped = True
            raise
        finally:
            owned.waiting -= 1

    def _counts(self, chunk: Chunk) -> bool:
        return chunk.epoch == self._source().epoch

    async def _fold(self, owned: OwnedPartition, chunk: Chunk) -> None:
        decision = Decision(owned.fold, chunk, partitions=READING_PARTITIONS)
        is_folded = owned.is_dropped or not self._counts(chunk)
        while not (is_folded or owned.is_dropped):
            async with owned.deciding:
                async with self._turns:
                    is_folded = work(decision.steps, for_s=TURN_S)
                    await asyncio.sleep(0)  # everything else has its turn before the next partition
                if is_folded:
                    owned.take(chunk)
                else:
                    owned.come_to(decision.next_offset)
                effects = decision.taken()
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
                await self._raise_silence(owned, held_ms, heard_to=owned.heard_to)

    async def _raise_silence(self, owned: OwnedPartition, held_ms: int, *, heard_to: int | None) -> None:
        async with owned.deciding:
            if owned.heard_to != heard_to:  # somebody was heard meanwhile
                return
            # The broker's clock has come at least this far, whatever the local one says.
            effects = Effects(overdue=owned.fold.at_end(owned.fold.clock_ms + held_ms))
            await self._queue(owned, effects)

    async def flush_all(self) -> None:
        """Flush all partitions side by side: none waits for what another has to write. Raises what sending raises."""
        owned = list(self.owned.values())
        await asyncio.gather(*(flush(each, self._publisher, self._turns, self._source().processed) for each in owned))

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


def work(steps: Iterator[None], *, for_s: float) -> bool:
    """Take steps for so long; return whether there are no more. Where it stops changes nothing but who waits."""
    until_s = time.monotonic() + for_s
    return all(time.monotonic() < until_s for _ in steps)
