"""What records of any kind do on every topic that programs write and trust."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaError
from hostile.attack import Attack, Target
from hostile.forged import BEYOND, a_mark, a_state, an_alert, rejected_headers
from hostile.mutation import all_bent, odd_figure, odd_text
from hostile.sending import Record, send, send_bomb, send_hand_made, transaction
from hostile.vehicles import home, new_vin, now_ms
from raw_batches import LatinName

from contracts.alert import AlertAction
from contracts.codec import encode
from contracts.topics import (
    ALERT_ACTIONS,
    DASHCAM_SNAPSHOTS,
    ENGINE_ALERTS,
    REJECTED_READINGS,
    TOPICS,
    VEHICLE_ERASURES,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    VEHICLES,
    Topic,
)
from contracts.vehicle import Erasure, Vehicle
from contracts.vehicle_state import mark_key

INTERNAL: Final = tuple(topic for topic in TOPICS if topic is not VEHICLE_READINGS)
BOMBED: Final = (
    (ENGINE_ALERTS, VEHICLE_STATES),
    (VEHICLES, ALERT_ACTIONS, VEHICLE_ERASURES),
    (REJECTED_READINGS, DASHCAM_SNAPSHOTS),
)
"""By who reads them."""
TRANSACTION_MS: Final = 10_000
OnTopic = Callable[[Topic, Target], Awaitable[None]]


async def empties(topic: Topic, target: Target) -> None:
    """Send what holds nothing, or no record at all, to every partition; tombstones of nobody too."""
    values = (b"{}", b"", b"null", b"[]", b"0", b"\xff", b"{", b"[" * 60_000, None)
    without = () if "compact" in topic.settings["cleanup.policy"] else (None,)  # the broker refuses it there
    keys = (*without, b"", b"\xff\xff", b"mark:", b"mark:99", b"mark:-1", b"mark:x", b"k" * 10_000)
    records: list[Record] = [
        (key, value, partition, [])
        for partition in range(topic.partitions)
        for key, value in itertools.product(keys, values)
        if key is not None or value is not None
    ]
    await send(target.bootstrap, topic, records)


async def giants(topic: Topic, target: Target) -> None:
    """Send nearly 2 MB: as a value, as a key, as headers."""
    big = target.chance("giants").randbytes(900_000).hex().encode()
    records: list[Record] = [
        (b"k", b'{"vehicle_id":"' + big + b'"}', 0, []),
        (big, b"{}", 0, []),
        (b"k", b"{}", 0, [("reason", big)]),
        (b"k", b"{}", 0, [(f"h{number}", b"x") for number in range(20_000)]),
    ]
    await send(target.bootstrap, topic, records)


async def header_names_in_latin(topic: Topic, target: Target) -> None:
    """Send records whose header is named otherwise than in UTF-8."""
    name = LatinName("größe")
    await send_hand_made(target.bootstrap, topic, [(b"k", b"{}", [(name, b"1")])] * 3, partition=0)


async def bombs(topic: Topic, target: Target) -> None:
    """Send batches that unpack to 90 MB and, but for one codec, to 2 GB."""
    for codec, records in (("zstd", 100), ("gzip", 100), ("zstd", 2_400)):
        await send_bomb(target.bootstrap, topic, key="k", partition=0, codec=codec, records=records)  # type: ignore[arg-type]


async def transactions(topic: Topic, target: Target) -> None:
    """Abort a transaction, and leave another open for as long as the broker lets it."""
    with suppress(KafkaError):
        async with transaction(target.bootstrap, timeout_ms=TRANSACTION_MS) as producer:
            await producer.send(topic.name, b"{}", key=b"k", partition=0)
            await producer.flush()
            await producer.abort_transaction()
        async with transaction(target.bootstrap, timeout_ms=TRANSACTION_MS) as producer:
            await producer.send(topic.name, b"{}", key=b"k", partition=0)
            await producer.flush()


def _bent(topic: Topic, chance: random.Random) -> Iterator[Record]:
    """Return records of a topic that were bent at random, and cannot be true however they came out."""
    vin = new_vin()
    key = vin.encode()
    if topic is ENGINE_ALERTS:
        values = all_bent(encode(an_alert(vin)), chance, 600, pinned=("offset",))
        yield from ((key, value, home(vin), []) for value in values)
    elif topic is VEHICLE_STATES:
        states = all_bent(encode(a_state(vin)), chance, 400, pinned=("offset",))
        marks = all_bent(encode(a_mark(home(vin))), chance, 200, pinned=("next_offset",))
        yield from ((key, value, home(vin), []) for value in states)
        yield from ((mark_key(home(vin)), value, home(vin), []) for value in marks)
    elif topic in (REJECTED_READINGS, DASHCAM_SNAPSHOTS):
        names = ["vehicle-id", "event", "recorded-at-ms", "speed-kmh"]
        names += [name for name, _ in rejected_headers() if name != "source-offset"]
        for number in range(300):
            texts = [str(odd_text(chance)), odd_figure(chance)]
            chosen = chance.sample(names, k=4)
            headers = rejected_headers(source_offset=str(BEYOND)) + [
                (name, chance.choice(texts).encode("utf-8", "surrogatepass")[:10_000]) for name in chosen
            ]
            yield key, b"{", number % 3, headers
    else:
        yield from ((key, value, 0, []) for value in all_bent(_plain(topic, vin), chance, 400, pinned=("vehicle_id",)))


def _plain(topic: Topic, vin: str) -> bytes:
    if topic is VEHICLES:
        return encode(Vehicle(vin, make="Honda", model="Accord", year=2020, fleet="odd", mass_kg=1_500.0))
    if topic is VEHICLE_ERASURES:
        return encode(Erasure(vin, by="ann", at_ms=now_ms()))
    return encode(AlertAction("no-such-alert", "a1", "note", by="ann", at_ms=now_ms(), note="n"))


async def bent_records(target: Target) -> None:
    """Send bent records to every topic of the programs' own."""
    chance = target.chance("bent records")
    for topic in INTERNAL:
        await send(target.bootstrap, topic, _bent(topic, chance))


async def on_each(topics: Sequence[Topic], act: OnTopic, target: Target) -> None:
    """Do something on topics, one after the other."""
    for topic in topics:
        await act(topic, target)


def on_topics(topics: Sequence[Topic], name: str, act: OnTopic, **given: Any) -> Attack:
    """Make an attack on topics, one after the other."""
    where = "every topic" if topics is INTERNAL else ", ".join(topic.name for topic in topics)
    return Attack(f"{name} on {where}", "topics", partial(on_each, topics, act), **given)
