"""The composition root: a Faust app, its table, its agent and the worker, made from settings; nothing at import."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

import faust
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from hot_path.at_end import Position
from hot_path.clock import now_ms
from hot_path.lookups import Lookups
from hot_path.publisher import Publisher
from hot_path.registry import Registry
from hot_path.settings import HotPathSettings
from hot_path.standstill import Progress
from hot_path.table import VehicleStates
from hot_path.transport import Chunk, ChunkConsumer, install
from hot_path.watchdog import Watchdog
from hot_path.worker import Worker
from observability.kafka_security import kafka_credentials
from rules import load_rules
from runtime.kafka.consumer import leave

log = logging.getLogger(__name__)
QUEUED_CHUNKS = 4
"""Chunks waiting for the agent; a full queue holds the consumer up."""
CHUNKS_A_FETCH = 8
LOOK_EVERY_S = 1.0
STOP_WITHIN_S = 3.0


class HotPath:
    """One worker process: started, it runs until stopped or until something fails that only a restart mends."""

    def __init__(self, settings: HotPathSettings, *, publisher: Publisher | None = None) -> None:
        """Make everything, connect nothing. Raises InvalidRules. Needs a running event loop."""
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._failure: asyncio.Future[None] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._registry = Registry(settings)
        self._publisher = publisher or Publisher(settings)
        self._watchdog = Watchdog(settings, assigned=self._assigned, fail=self._fail_from_thread)
        self.app = _app(settings)
        self.worker = Worker(
            settings,
            load_rules(settings.rules),
            registry=self._registry.vehicles,
            publisher=self._publisher,
            lookups=Lookups(settings),
            source=lambda: self,
        )
        self._add_table()
        self._add_agent()

    def _add_table(self) -> None:
        changelog = _raw_topic(self.app, self._settings.states_topic, acks=False, maxsize=QUEUED_CHUNKS)
        self._table = VehicleStates(
            self.app,
            name="vehicle-states",
            changelog_topic=changelog,
            on_restored=self.worker.restore,
            on_failed=self.fail,
        )
        self.app.tables.add(self._table)

    def _add_agent(self) -> None:
        topic = _raw_topic(self.app, self._settings.readings_topic, maxsize=QUEUED_CHUNKS)

        async def fold_readings(stream: Any) -> None:
            async for event in stream.events():
                # Beside the agent, which would hold the other partitions' chunks up, and which Faust restarts.
                self._keep(self.worker.take(event.message.value))
                await asyncio.sleep(0)

        self.app.agent(topic, name="fold_readings", concurrency=1)(fold_readings)

    @property
    def _consumer(self) -> ChunkConsumer:
        consumer: ChunkConsumer = self.app.consumer
        return consumer

    def _assigned(self) -> dict[int, Progress]:
        with suppress(ConsumerNotStarted):
            numbers = {tp.partition for tp in self._consumer.assignment() if tp.topic == self._settings.readings_topic}
            return {number: self._progress(number) for number in numbers}
        return {}

    def _progress(self, partition: int) -> Progress:
        progress = self.worker.progress(partition)
        if self.worker.is_restored:
            return progress
        what, steps = progress.moved
        return progress._replace(moved=(what, steps + self._table.chunks_read))

    @property
    def epoch(self) -> int:
        """The consumer's epoch: chunks of an earlier one do not count."""
        return self._consumer.epoch

    def processed(self, chunk: Chunk) -> None:
        """Let the offset of a chunk be committed."""
        self._consumer.processed(chunk)

    async def where(self, partition: int, *, folded: int | None) -> Position:
        """Tell where in a partition of readings the worker stands."""
        return await self._consumer.where(TP(self._settings.readings_topic, partition), folded=folded)

    def fail(self, error: BaseException) -> None:
        """End the process: the chunk at hand is repeated by whoever starts next."""
        if not self._failure.done():
            self._failure.set_exception(error)

    def _fail_from_thread(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self.fail, error)

    async def start(self) -> None:
        """Connect, read the registry, join the group; returns when Faust has started. Raises Unavailable."""
        await self._registry.read_to_end()
        await self._publisher.start()
        self._consumer.on_revoked = self.worker.drop
        self._consumer.is_busy = self.worker.is_busy
        self._keep(self._registry.follow())
        self._keep(self.worker.flush_regularly())
        self._keep(self._look_for_silence())
        self._keep(self.app.start())
        self._keep(self._watch_app())
        if self._settings.standstill:
            self._watchdog.start()

    async def run_until(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then end cleanly. Raises what has failed."""
        stopped = asyncio.ensure_future(stop.wait())
        waited: list[asyncio.Future[Any]] = [stopped, self._failure]
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if self._failure.done():
            self._failure.result()

    async def stop(self, *, within_s: float = STOP_WITHIN_S) -> None:
        """Write and commit what is done, leave the group; what takes longer than `within_s` is left to be repeated.

        After a failure nothing is written any more.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                if not self._failure.done():
                    await self.worker.flush_all()
                    await self._consumer.commit()
                self.worker.drop()
                await self.app.stop()
        for task in list(self._tasks):
            task.cancel()
        await leave(self._publisher.stop(), self._registry.stop(), within_s=1)
        self._watchdog.stop()

    def _keep(self, work: Awaitable[None]) -> None:
        """Run something beside the agent; when it fails, everything does."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._done)
        self._tasks.add(task)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    async def _look_for_silence(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.worker.look_for_silence(now_ms())

    async def _watch_app(self) -> None:
        """Fail when Faust has: it reports a crash only to the worker program that it brings, and that is not used."""
        while not self.app.crashed:  # noqa: ASYNC110 - Faust sets no event that may be awaited
            await asyncio.sleep(LOOK_EVERY_S)
        raise self.app.crash_reason or RuntimeError("Faust has stopped without a reason")


def _app(settings: HotPathSettings) -> faust.App:
    app = faust.App(
        settings.app_id,
        broker=f"kafka://{settings.bootstrap}",
        broker_credentials=_credentials(),
        store="memory://",
        datadir=Path(tempfile.gettempdir()) / "connected-cars-hot-path",  # stays empty: states are at the broker
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_replication_factor=1,
        table_standby_replicas=0,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        stream_buffer_maxsize=QUEUED_CHUNKS,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=CHUNKS_A_FETCH,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.session_timeout / 4,
        broker_commit_interval=settings.commit_interval,
        producer_acks=-1,
    )
    app.finalize()
    install(app, settings.readings_topic, settings.states_topic, readings=settings.chunk_readings)
    return app


def _raw_topic(app: faust.App, name: str, **options: Any) -> Any:
    """Declare a topic of bytes: what Faust decodes it can lose (a bad value is committed and never delivered)."""
    return app.topic(
        name,
        key_type=bytes,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
        allow_empty=True,
        **options,
    )


def build(settings: HotPathSettings) -> HotPath:
    """Make a hot path; each call has an app of its own. Raises InvalidRules. Needs a running event loop."""
    return HotPath(settings)


def _credentials() -> faust.auth.Credentials | None:
    """Give how Faust's own clients reach the brokers."""
    given = kafka_credentials()
    if "sasl_mechanism" not in given:
        return faust.SSLCredentials(given["ssl_context"]) if "ssl_context" in given else None
    return faust.SASLCredentials(
        username=given["sasl_plain_username"],
        password=given["sasl_plain_password"],
        ssl_context=given.get("ssl_context"),
        mechanism=given["sasl_mechanism"],
    )
