"""The projector's hold on Kafka: fixed partitions, from positions that the store keeps."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from api.projector.work import URGENT, Position
from contracts.errors import InvalidInput, Unavailable
from contracts.topics import (
    ALERT_ACTIONS,
    ENGINE_ALERTS,
    REJECTED_READINGS,
    SERVING_GROUP,
    VEHICLE_ERASURES,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    VEHICLES,
)
from runtime.kafka.consumer import Fetched, kafka_consumer, leave, record_of
from runtime.kafka.reading_ends import Batch, ReadingEnds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from aiokafka import AIOKafkaConsumer

    _ByPartition = Mapping[TopicPartition, Sequence[Fetched]]

log = logging.getLogger(__name__)

TOPICS: Final = (ENGINE_ALERTS, VEHICLE_STATES, VEHICLES, REJECTED_READINGS, ALERT_ACTIONS, VEHICLE_ERASURES)
PARTITIONS: Final = tuple(TopicPartition(topic.name, n) for topic in TOPICS for n in range(topic.partitions))
_SAY_NOTHING_OF_READINGS: Final = {VEHICLES.name, ALERT_ACTIONS.name, VEHICLE_ERASURES.name}
_URGENT: Final = tuple(at for at in PARTITIONS if at.topic in URGENT)
_A_TURN: Final = {
    ENGINE_ALERTS.name: 100,
    ALERT_ACTIONS.name: 100,
    VEHICLE_STATES.name: 300,
    VEHICLES.name: 2_000,
    REJECTED_READINGS.name: 1_000,
    VEHICLE_ERASURES.name: 200,
}
"""Records that are taken of one partition before the others have their turn; alerts come between them all the same."""
_PATIENCE_S = 5.0


class Broker:
    """A consumer without a group's assignment; the group `serving` only shows the positions to Kafka's tools."""

    def __init__(self, bootstrap: str) -> None:
        """Prepare; nothing is connected yet."""
        self._bootstrap = bootstrap
        self._unshown: dict[Position, int] = {}
        self._showing: asyncio.Task[None] | None = None
        self._ends = ReadingEnds(bootstrap)
        self._consumer = kafka_consumer(
            bootstrap,
            group_id=SERVING_GROUP,
            client_id="projector",
            auto_offset_reset="earliest",
            # A fetch leaves out partitions of which records are here already; their next ones wait for its end.
            fetch_max_wait_ms=40,
        )

    async def __aenter__(self) -> Self:
        """Give itself; connect by `start`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker, also when it does not answer."""
        if self._showing is not None:
            await asyncio.wait({self._showing}, timeout=_PATIENCE_S)
        await leave(self._consumer.stop())
        await self._ends.stop()

    async def start(self, positions: Mapping[Position, int], *, wait_s: float) -> dict[Position, int]:
        """Connect and stand at `positions`, elsewhere at the beginning; give each partition's end as it is now.

        Raises Unavailable when broker or topics do not answer within `wait_s`, InvalidInput when the store knows more
        than the broker has.
        """
        try:
            async with asyncio.timeout(wait_s):
                await self._connect()
                await self._ends.start()
                await self._await_topics()
                return await self._stand_at(positions)
        except TimeoutError as error:
            message = f"no Kafka broker with the project's topics answers at {self._bootstrap} within {wait_s:g} s"
            raise Unavailable(f"{message}; start one with `stack broker`, make topics with `stack topics`") from error

    async def _stand_at(self, positions: Mapping[Position, int]) -> dict[Position, int]:
        self._consumer.assign(list(PARTITIONS))
        ends = {(at.topic, at.partition): end for at, end in (await self._consumer.end_offsets(PARTITIONS)).items()}
        refuse_another_broker(positions, ends)
        for at in PARTITIONS:
            if (position := positions.get((at.topic, at.partition))) is not None:
                self._consumer.seek(at, position)
            else:
                await self._consumer.seek_to_beginning(at)
        return ends

    async def _connect(self) -> None:
        while True:
            try:
                await self._consumer.start()
            except KafkaError:
                await asyncio.sleep(0.5)
            else:
                return

    async def _await_topics(self) -> None:
        while missing := {topic.name for topic in (*TOPICS, VEHICLE_READINGS)} - await self._consumer.topics():
            log.info("topics awaited", extra={"missing": sorted(missing)})
            await asyncio.sleep(1)

    async def read(self, *, within_ms: int) -> Batch:
        """Return a turn's records of each partition, in offset order; none after `within_ms`."""
        fetched = await a_turn(self._consumer, PARTITIONS)
        if not fetched and within_ms:
            fetched = await self._consumer.getmany(timeout_ms=within_ms, max_records=min(_A_TURN.values()))
        return await self._judgeable(fetched)

    async def read_urgent(self) -> Batch:
        """Return a turn of what is here already of alerts and actions, as `read` would."""
        return await self._judgeable(await a_turn(self._consumer, _URGENT))

    async def _judgeable(self, fetched: _ByPartition) -> Batch:
        if all(at.topic in _SAY_NOTHING_OF_READINGS for at in fetched):
            return Batch([record_of(raw) for raws in fetched.values() for raw in raws], {})
        return await self._ends.judgeable(self._consumer, fetched)

    async def positions(self) -> dict[Position, int]:
        """Return by partition the offset that will be read next."""
        return {(at.topic, at.partition): int(await self._consumer.position(at)) for at in PARTITIONS}

    def show(self, positions: Mapping[Position, int]) -> None:
        """Commit positions to the group soon, for display: the store's are the truth, so nothing waits for it."""
        self._unshown |= positions
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._show())

    async def _show(self) -> None:
        while self._unshown:
            shown = {TopicPartition(*at): offset for at, offset in self._unshown.items()}
            self._unshown = {}
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._consumer.commit(shown)
            except (KafkaError, TimeoutError) as error:
                log.warning("positions not shown to Kafka", extra={"reason": repr(error)})


async def a_turn(consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> _ByPartition:
    """Return what is here already, of no partition so much that another must wait for long.

    Asked for several at once, the consumer gives what came first to its end before it gives of another.
    """
    fetched: dict[TopicPartition, Sequence[Fetched]] = {}
    for at in partitions:
        fetched |= await consumer.getmany(at, timeout_ms=0, max_records=_A_TURN[at.topic])
    return fetched


def refuse_another_broker(positions: Mapping[Position, int], ends: Mapping[Position, int]) -> None:
    """Raise InvalidInput when the store has read further than the broker's topics reach."""
    for at, position in positions.items():
        if position > ends.get(at, 0):
            topic, partition = at
            message = (
                f"the store has read {topic} [{partition}] up to {position}, but the broker ends at {ends.get(at)}"
            )
            raise InvalidInput(f"{message}: it belongs to another broker; delete the store, it is rebuilt")
