"""The notifier's process: takes alerts from Kafka into its ledger, and delivers what the ledger has due."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final

import httpx
import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from api.clock import now_ms
from api.notifier.ledger import Delivery, Ledger
from api.notifier.sender import WebhookSender, all_or_none
from api.notifier.transport import SystemResolver
from api.notifier.webhook import load_webhooks
from contracts.errors import MalformedRecord, Unavailable
from contracts.record_checks import alert_in, vehicle_id_of, vehicle_in
from contracts.topics import ENGINE_ALERTS, VEHICLE_READINGS, VEHICLES
from observability.status import serve_status
from runtime.kafka.consumer import kafka_consumer, leave, record_of, records_to_end
from runtime.kafka.passed_over import PassedOver
from runtime.kafka.reading_ends import ReadingEnds

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from api.notifier.webhook import Webhook
    from api.settings import NotifierSettings
    from contracts.record import Record
    from contracts.record_checks import Ends

log = logging.getLogger(__name__)

_ALERTS: Final = [TopicPartition(ENGINE_ALERTS.name, n) for n in range(ENGINE_ALERTS.partitions)]
_REGISTRY: Final = TopicPartition(VEHICLES.name, 0)
_IDLE_MS: Final = 100
_KEPT_MS: Final = 30 * 86_400_000
_FORGET_EVERY_S: Final = 3600.0


class Notifier:
    """Ready once it knows the registry and stands in engine-alerts."""

    def __init__(self, settings: NotifierSettings) -> None:
        """Open the ledger; nothing is connected yet. Raises InvalidInput."""
        self._settings = settings
        self._webhooks: dict[str, Webhook] = {one.name: one for one in load_webhooks(settings.webhooks)}
        self._ledger = Ledger(settings.ledger)
        self._fleets: dict[str, str] = {}
        self._passed_over = PassedOver()
        self._stopping = asyncio.Event()
        self.is_ready = False

    def stop(self) -> None:
        """End after the attempts in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until stopped.

        Raises Unavailable when the broker does not answer at the start or the ledger cannot be written, InvalidInput
        for a receiver at an address that its webhook does not allow.
        """
        try:
            async with AsyncExitStack() as closing:
                senders = self._senders()
                for sender in senders:
                    closing.push_async_callback(sender.close)
                await all_or_none(sender.check() for sender in senders)
                self._settle_anew()
                await self._work(senders)
        finally:
            self._ledger.close()

    def _senders(self) -> list[WebhookSender]:
        tls = httpx.create_ssl_context()
        return [
            WebhookSender(webhook, self._ledger, timeout_s=self._settings.timeout, tls=tls, resolver=SystemResolver())
            for webhook in self._webhooks.values()
        ]

    def _settle_anew(self) -> None:
        """Revive what is dead where that was asked for, and give up what waits for a webhook taken out of the file."""
        if self._settings.retry_dead:
            log.info("dead deliveries tried anew", extra={"deliveries": self._ledger.revive(now_ms())})
        if dropped := self._ledger.drop_others(self._webhooks):
            log.warning("deliveries to webhooks that are no more given up", extra={"deliveries": dropped})

    async def _work(self, senders: list[WebhookSender]) -> None:
        consumer = kafka_consumer(
            self._settings.bootstrap, client_id="notifier", auto_offset_reset="earliest", fetch_max_wait_ms=100
        )
        ends = ReadingEnds(self._settings.bootstrap)
        try:
            await self._start(consumer, ends)
            working = [self._take(consumer, ends), self._forget(), *(one.until(self._stopping) for one in senders)]
            await all_or_none(working)
        finally:
            await leave(consumer.stop())
            await ends.stop()

    async def _start(self, consumer: AIOKafkaConsumer, ends: ReadingEnds) -> None:
        try:
            async with asyncio.timeout(self._settings.wait):
                await _connected(consumer)
                await ends.start()
                await self._read_registry(consumer)
                await self._stand(consumer)
        except TimeoutError as error:
            message = f"no Kafka broker with the project's topics answers at {self._settings.bootstrap}"
            raise Unavailable(f"{message} within {self._settings.wait:g} s; start one with `stack broker`") from error
        self.is_ready = True
        log.info("notifier reads", extra={"webhooks": sorted(self._webhooks)})

    async def _read_registry(self, consumer: AIOKafkaConsumer) -> None:
        async for record in records_to_end(consumer, [_REGISTRY]):
            self._register(record)

    async def _stand(self, consumer: AIOKafkaConsumer) -> None:
        """Stand where the ledger says; a new one begins with what comes from now on, or with all that is kept."""
        registered = await consumer.position(_REGISTRY)
        consumer.assign([_REGISTRY, *_ALERTS])
        consumer.seek(_REGISTRY, registered)
        positions = self._ledger.positions()
        edges = await (consumer.beginning_offsets if self._settings.from_beginning else consumer.end_offsets)(_ALERTS)
        beginnings = await consumer.beginning_offsets(_ALERTS)
        stand = {at.partition: max(positions.get(at.partition, edges[at]), beginnings[at]) for at in _ALERTS}
        for at in _ALERTS:
            consumer.seek(at, stand[at.partition])
        self._ledger.take([], stand)

    async def _take(self, consumer: AIOKafkaConsumer, ends: ReadingEnds) -> None:
        while not self._stopping.is_set():
            fetched = await consumer.getmany(timeout_ms=_IDLE_MS)
            for record in fetched.pop(_REGISTRY, ()):
                self._register(record_of(record))
            if not fetched:
                continue
            batch = await ends.judgeable(consumer, fetched)
            positions = {record.partition: record.offset + 1 for record in batch.records}
            self._ledger.take([one for record in batch.records for one in self._wanted(record, batch.ends)], positions)

    def _register(self, record: Record) -> None:
        try:
            vehicle = vehicle_in(record)
        except MalformedRecord as error:
            self._passed_over.tell(record.topic, record.partition, record.offset, error)
            return
        if vehicle is None:
            self._fleets.pop(vehicle_id_of(record), None)
        else:
            self._fleets[vehicle.vehicle_id] = vehicle.fleet

    def _wanted(self, record: Record, ends: Ends) -> list[Delivery]:
        try:
            alert = alert_in(record, ends)
        except MalformedRecord as error:
            self._passed_over.tell(record.topic, record.partition, record.offset, error)
            return []
        fleet = self._fleets.get(alert.vehicle_id)
        if fleet is None and self._settings.registered_only:
            return []
        body = msgspec.json.encode(msgspec.to_builtins(alert) | {"fleet": fleet})
        return [
            Delivery(webhook.name, alert.alert_id, alert.change, body, now_ms(), 0)
            for webhook in self._webhooks.values()
            if webhook.wants(alert, fleet)
        ]

    async def _forget(self) -> None:
        while not self._stopping.is_set():
            self._ledger.forget(now_ms() - _KEPT_MS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _FORGET_EVERY_S)


async def _connected(consumer: AIOKafkaConsumer) -> None:
    while True:
        try:
            await consumer.start()
        except KafkaError:
            await asyncio.sleep(0.5)
        else:
            break
    while {ENGINE_ALERTS.name, VEHICLES.name, VEHICLE_READINGS.name} - await consumer.topics():  # noqa: ASYNC110 - Kafka tells nobody
        await asyncio.sleep(0.5)


async def notify(settings: NotifierSettings) -> None:
    """Run the notifier until SIGTERM or Ctrl-C."""
    notifier = Notifier(settings)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, notifier.stop)
    if settings.status_port >= 0:
        status = serve_status(settings.status_port, is_ready=lambda: notifier.is_ready)
        log.info("status served", extra={"port": status.server_port})
    await notifier.run()
