from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from aiomqtt import Client
from eventually import eventually_async
from paho.mqtt.client import Client as Paho

from gateway.forwarding import Forwarding
from gateway.message import Message
from gateway.routing import Record
from gateway.subscription import filters

VIN = "1FTFW1ET5DFC10312"


class Ends:
    """Source and sink in one, which write down what happens in which order."""

    def __init__(self, *chunks: list[Message]) -> None:
        self.told: list[str] = []
        self.waiting = 0
        self._chunks = list(chunks)
        self.may_deliver = asyncio.Event()
        self.may_deliver.set()

    async def some(self) -> list[Message]:
        if not self._chunks:
            await asyncio.Event().wait()
        return self._chunks.pop(0)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self.told += [f"acknowledged {message.number}" for message in messages]

    async def deliver(self, records: Sequence[Record]) -> None:
        self.told.append(f"delivering {len(records)}")
        await self.may_deliver.wait()
        self.told.append("delivered")


def a_message(number: int) -> Message:
    return Message(f"vehicles/{VIN}/readings", b"{}", number)


async def run(ends: Ends, stop: asyncio.Event) -> asyncio.Task[None]:
    task = asyncio.create_task(Forwarding(ends, ends, clock=lambda: 0).until(stop))
    await asyncio.sleep(0)
    return task


async def test_a_message_is_acknowledged_after_its_records_are_delivered_and_in_order() -> None:
    ends, stop = Ends([a_message(1), a_message(2)], [a_message(3)]), asyncio.Event()
    task = await run(ends, stop)
    await eventually_async(lambda: asyncio.sleep(0, len(ends.told) == 7))
    stop.set()
    await task
    first, second = ["delivering 2", "delivered"], ["delivering 1", "delivered", "acknowledged 3"]
    assert ends.told == [*first, "acknowledged 1", "acknowledged 2", *second]


async def test_a_stop_brings_what_is_in_hand_to_its_end() -> None:
    ends, stop = Ends([a_message(1)], [a_message(2)]), asyncio.Event()
    ends.may_deliver.clear()
    task = await run(ends, stop)
    await eventually_async(lambda: asyncio.sleep(0, ends.told == ["delivering 1"]))
    stop.set()
    await asyncio.sleep(0.01)
    assert not task.done()
    ends.may_deliver.set()
    await task
    assert ends.told[:3] == ["delivering 1", "delivered", "acknowledged 1"]


async def test_a_message_whose_records_are_not_delivered_is_not_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.forwarding._LAST_CHUNK_S", 0.01)
    ends, stop = Ends([a_message(1)]), asyncio.Event()
    ends.may_deliver.clear()
    task = await run(ends, stop)
    stop.set()
    await task
    assert ends.told == ["delivering 1"]


async def test_a_defect_ends_the_forwarding() -> None:
    class Broken(Ends):
        async def deliver(self, records: Sequence[Record]) -> None:
            raise RuntimeError(str(len(records)))

    with pytest.raises(RuntimeError, match="1"):
        await (await run(Broken([a_message(1)]), asyncio.Event()))


def test_a_shared_subscription_shares_readings_but_not_retained_records() -> None:
    assert filters(share="", registry=True) == ["vehicles/+/readings/#", "vehicles/+/snapshots", "vehicles/+/registry"]
    assert filters(share="g", registry=True) == [
        "$share/g/vehicles/+/readings/#",
        "$share/g/vehicles/+/snapshots",
        "vehicles/+/registry",
    ]
    assert filters(share="", registry=False) == ["vehicles/+/readings/#", "vehicles/+/snapshots"]


async def test_the_private_names_that_acknowledging_by_hand_relies_on_exist() -> None:
    client = Client("127.0.0.1")
    assert isinstance(client._client, Paho)
    assert callable(client._client.manual_ack_set)
    assert callable(client._client.ack)
