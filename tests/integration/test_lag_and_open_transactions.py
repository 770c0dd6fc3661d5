from __future__ import annotations

from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from eventually import eventually_async
from transactions import send, transactional

from api.kafka.lag import LagWatch
from contracts.topics import HOT_PATH_GROUP, VEHICLE_READINGS
from stack.broker import Broker
from stack.listener import Listener

PARTITION = 3
TOPIC = VEHICLE_READINGS.name


async def test_what_an_open_transaction_holds_up_is_nobodys_lag(fresh_broker: Broker) -> None:
    bootstrap = fresh_broker.bootstrap
    plain = AIOKafkaProducer(bootstrap_servers=bootstrap)
    async with plain, transactional(bootstrap) as producer:
        await send(plain, TOPIC, [(None, b"{}", PARTITION)] * 2)
        assert await _lags(bootstrap) == [2, 2]
        await producer.begin_transaction()
        await send(producer, TOPIC, [(None, b"{}", PARTITION)] * 5)
        await send(plain, TOPIC, [(None, b"{}", PARTITION)])
        assert await _lags(bootstrap) == [2, 2]
        await producer.commit_transaction()
        with_marker = 2 + 5 + 1 + 1
        assert await _lags(bootstrap) == [with_marker, with_marker]


async def _lags(bootstrap: str) -> list[int]:
    """Return the hot path's lag as the API tells it, and as the stack does."""
    watch, listener = LagWatch(bootstrap), Listener(bootstrap)
    await listener.start()

    async def told() -> list[int]:
        groups = (await watch.current()).groups
        api = [group.lag for group in groups if group.group == HOT_PATH_GROUP]
        with suppress(KafkaError):  # a broker that has just started has no coordinator yet
            return [*api, await listener.lag(HOT_PATH_GROUP)] if api else []
        return []

    try:
        return await eventually_async(told, within_s=60)
    finally:
        await watch.close()
        await listener.stop()
