"""The projector's process: read, write one transaction, show the positions; between times load a version's chunk."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError

from api.clock import now_ms
from api.projector.broker import Broker
from api.projector.inbox import Inbox
from api.projector.publication import Publication
from api.projector.retention import Retention
from api.projector.writing import write
from api.store import tables
from api.store.address import identity_of, named
from api.store.database import open_for_writing
from observability.status import serve_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sqlalchemy import Engine

    from api.projector.work import Position, Work
    from api.settings import ProjectorSettings
    from api.store.address import Identity

log = logging.getLogger(__name__)

_IDLE_MS = 200
_RETRY_S = 1.0
_LOOK_S = 0.5
_UPKEEP_S = 600.0


class Projector:
    """Ready once it has read what was there at its start and serves the published version, if there is one."""

    def __init__(self, settings: ProjectorSettings) -> None:
        """Prepare; nothing is opened yet."""
        self._settings = settings
        self._stopping = asyncio.Event()
        self.is_ready = False

    def stop(self) -> None:
        """End after the transaction in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until stopped; when the store's file was deleted or replaced, begin anew with an empty one."""
        while not self._stopping.is_set():
            engine = await asyncio.to_thread(open_for_writing, self._settings.store)
            identity = await asyncio.to_thread(identity_of, engine)
            try:
                await self._run_on(engine, identity)
            except ProgrammingError:  # its tables are gone, or this is a defect
                if identity_of(engine) == identity:
                    raise
            finally:
                engine.dispose()
            if not self._stopping.is_set():
                log.warning("store was deleted or replaced; rebuilding it")

    async def _run_on(self, engine: Engine, identity: Identity) -> None:
        publication = Publication(engine, self._settings.views, now_ms)
        upkeep = Upkeep(engine, _retention(self._settings))
        async with Broker(self._settings.bootstrap) as broker:
            behind = await broker.start(_positions(engine), wait_s=self._settings.wait)
            log.info("projector reads", extra={"store": named(self._settings.store)})
            inbox = Inbox()
            looked = float("-inf")
            while not self._stopping.is_set():
                batch = await broker.read(within_ms=0 if publication.is_loading else _IDLE_MS)
                await work_off(
                    inbox.take(*batch),
                    lambda: _urgent(inbox, broker),
                    lambda part: self._persist(engine, part, broker),
                )
                await asyncio.to_thread(publication.step)
                await upkeep.step(asyncio.get_running_loop().time())
                if asyncio.get_running_loop().time() - looked >= _LOOK_S:
                    looked = asyncio.get_running_loop().time()
                    positions = await broker.positions()
                    behind = {at: end for at, end in behind.items() if positions[at] < end}
                    if reached := inbox.reached(positions):
                        await self._persist(engine, reached, broker)
                    if not await asyncio.to_thread(_looked, publication, engine, identity):
                        return
                self.is_ready = self.is_ready or (not behind and publication.is_current)

    async def _persist(self, engine: Engine, work: Work, broker: Broker) -> bool:
        """Write one transaction, however often it is tried: while the store is away or full, Kafka keeps what comes."""
        while True:
            try:
                is_whole = await asyncio.to_thread(_write, engine, work)
            except OperationalError as error:
                if self._stopping.is_set():
                    raise
                log.error("store cannot be written; see to its disk or server", extra={"reason": str(error.orig)})  # noqa: TRY400
                await asyncio.sleep(_RETRY_S)
            else:
                if is_whole:
                    broker.show(work.positions)
                return is_whole


async def work_off(
    work: Work, read_urgent: Callable[[], Awaitable[Work]], persist: Callable[[Work], Awaitable[bool]]
) -> None:
    """Write work a transaction at a time; before each that nobody waits for, what people do wait for has its turn.

    All that is urgent in `work` comes first, so what is read of the same partitions meanwhile stands behind it.
    `persist` returns whether a part was written to its end.
    """
    for part in work.parts():
        is_written = False
        while not is_written:
            if not part.is_urgent():
                for urgent in (await read_urgent()).parts():
                    await persist(urgent)
            is_written = await persist(part)


async def _urgent(inbox: Inbox, broker: Broker) -> Work:
    return inbox.take(*await broker.read_urgent())


class Upkeep:
    """Deletes what is too old, now and then, a little at a time."""

    def __init__(self, engine: Engine, retention: Retention) -> None:
        """Begin with a look soon after the start."""
        self._engine = engine
        self._retention = retention
        self._due_s = float("-inf")
        self._steps: Iterator[int] | None = None

    async def step(self, now_s: float) -> None:
        """Delete one transaction's worth when it is time."""
        if self._steps is None and now_s < self._due_s:
            return
        self._steps = self._steps or self._retention.steps(self._engine, now_ms())
        try:
            deleted = await asyncio.to_thread(next, self._steps, 0)
        except OperationalError as error:
            log.warning("old rows not deleted", extra={"reason": str(error.orig)})
            deleted = 0
        if not deleted:
            self._steps, self._due_s = None, now_s + _UPKEEP_S


def _retention(settings: ProjectorSettings) -> Retention:
    return Retention(settings.keep_alerts, settings.keep_trips, settings.keep_positions, settings.keep_rejected)


def _looked(publication: Publication, engine: Engine, identity: Identity) -> bool:
    """Look for another version, and tell whether this is the same store still; one that is away may be."""
    try:
        publication.look()
        return identity_of(engine) == identity
    except OperationalError as error:
        log.error("store does not answer; see to its disk or server", extra={"reason": str(error.orig)})  # noqa: TRY400
        return True


def _write(engine: Engine, work: Work) -> bool:
    with engine.begin() as connection:
        return write(connection, work)


def _positions(engine: Engine) -> dict[Position, int]:
    with engine.begin() as connection:
        rows = connection.execute(select(tables.consumed))
        return {(topic, partition): next_offset for topic, partition, next_offset in rows}


async def project(settings: ProjectorSettings) -> None:
    """Run the projector until SIGTERM or Ctrl-C."""
    projector = Projector(settings)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, projector.stop)
    if settings.status_port >= 0:
        status = serve_status(settings.status_port, is_ready=lambda: projector.is_ready)
        log.info("status served", extra={"port": status.server_port})
    await projector.run()
