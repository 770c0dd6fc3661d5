"""What one record, or many, can do on any topic that programs write and trust: by whoever can write to it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import httpx
import msgspec
from aiokafka.errors import KafkaError
from hostile.attack import Attack, Target
from hostile.mutation import all_bent, odd_figure, odd_text
from hostile.ordinary_cars import numbered_vins
from hostile.sending import Record, send, send_bomb, send_hand_made, transaction
from hostile.vehicles import DAY_MS, a_reading, home, new_vin, now_ms
from raw_batches import Headers, LatinName

from contracts.alert import Alert, AlertAction
from contracts.codec import encode
from contracts.rejection import rejection
from contracts.rejection import to_headers as rejection_headers
from contracts.snapshot import Snapshot
from contracts.snapshot import to_headers as snapshot_headers
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
from contracts.vehicle_state import Episode, Mark, TripTotals, VehicleState, mark_key
from rules import default_rules_file, load_rules
from stack.verification import told_by

INTERNAL: Final = tuple(topic for topic in TOPICS if topic is not VEHICLE_READINGS)
BOMBED: Final = (
    (ENGINE_ALERTS, VEHICLE_STATES),
    (VEHICLES, ALERT_ACTIONS, VEHICLE_ERASURES),
    (REJECTED_READINGS, DASHCAM_SNAPSHOTS),
)
"""By who reads them."""
BEYOND: Final = 2**53
"""An offset that no partition has reached. All forged records have one, as a record that could be true is true."""
_FAR_MS: Final = 253_402_300_800_000
"""The year 10000."""
_TEXT: Final = "[/red]\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\u202e"
_RULES: Final = load_rules(default_rules_file())
_TRANSACTION_MS: Final = 10_000
OnTopic = Callable[[Topic, Target], Awaitable[None]]
_ESCAPE: Final = "\x1b]0;owned"


def an_alert(vin: str, **changed: Any) -> Alert:
    """Make an alert of a reading that is not there."""
    now = now_ms()
    facts: dict[str, Any] = {
        "alert_id": "3c5a4bb1-a3c7-5b0c-9a43-5e1d9a526d0f", "change": 1, "vehicle_id": vin,
        "rule": "coolant_over_temperature", "rules_hash": _RULES.hash, "severity": "critical", "state": "raised",
        "raised_at_ms": now, "changed_at_ms": now, "received_at_ms": now, "partition": home(vin), "offset": BEYOND,
        "message": _TEXT,
    }  # fmt: skip
    return msgspec.structs.replace(Alert(**facts), **changed)


def a_state(vin: str, **changed: Any) -> VehicleState:
    """Make a state after a reading that is not there."""
    newest = a_reading(vin, 5, second=60)
    facts: dict[str, Any] = {
        "offset": BEYOND, "partition": home(vin), "received_at_ms": now_ms(), "newest": newest,
        "newest_received_at_ms": now_ms(), "trips": [TripTotals(newest.trip_started_at_ms, 600, newest.recorded_at_ms)],
    }  # fmt: skip
    return msgspec.structs.replace(VehicleState(**facts), **changed)


def an_episode(number: int) -> Episode:
    """Make an open episode of a trouble code."""
    code = f"P{number % 0x4000:04X}"
    return Episode(f"powertrain_code:{code}", "open", now_ms(), number, now_ms(), now_ms(), trouble_code=code)


def a_mark(partition: int, **changed: Any) -> Mark:
    """Make a mark behind readings that are not there."""
    facts: dict[str, Any] = {"partition": partition, "next_offset": BEYOND, "received_at_ms": now_ms()}
    return Mark(**(facts | {"rules_hash": _RULES.hash} | changed))


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
    big = target.chance.randbytes(900_000).hex().encode()
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
        async with transaction(target.bootstrap, timeout_ms=_TRANSACTION_MS) as producer:
            await producer.send(topic.name, b"{}", key=b"k", partition=0)
            await producer.flush()
            await producer.abort_transaction()
        async with transaction(target.bootstrap, timeout_ms=_TRANSACTION_MS) as producer:
            await producer.send(topic.name, b"{}", key=b"k", partition=0)
            await producer.flush()


async def impossible_alerts(target: Target) -> None:
    """Send alerts whose figures no partition, no clock and no database can have."""
    vin = new_vin()
    plain = an_alert(vin)
    changes: tuple[dict[str, Any], ...] = (
        {"offset": 2**63}, {"offset": -1}, {"offset": BEYOND}, {"change": 2**31}, {"change": 2**63},
        {"change": -1}, {"change": 0}, {"partition": 99}, {"partition": -1}, {"partition": 2**31},
        {"partition": (home(vin) + 1) % 12}, {"received_at_ms": _FAR_MS}, {"raised_at_ms": -_FAR_MS},
        {"raised_at_ms": 2**63}, {"changed_at_ms": 2**53}, {"alert_id": "a" * 100_000}, {"alert_id": "\0"},
        {"alert_id": ""}, {"vehicle_id": "x" * 100_000}, {"vehicle_id": ""}, {"rules_hash": "other"},
        {"rule": _TEXT}, {"rule": "r" * 100_000}, {"message": "m" * 500_000}, {"latitude_deg": 1e308},
        {"evidence": {"coolant_c": 1e308, "x" * 10_000: "y" * 10_000}}, {"trouble_code": "\0\ud7ff"},
        {"evidence": {f"signal{number}": number for number in range(20_000)}},
    )  # fmt: skip
    impossible = [msgspec.structs.replace(plain, **changed) for changed in changes]
    values = [encode(alert) for alert in impossible]
    figures = (b"1e400", b"NaN", b"-1e3", b"1" * 400)
    values += [encode(plain).replace(str(BEYOND).encode(), figure) for figure in figures]
    values += [encode(plain).replace(b'"critical"', b'"\\ud800"')]
    records: list[Record] = [
        (vin.encode(), value, partition, []) for value in values for partition in (home(vin), (home(vin) + 5) % 12)
    ]
    await send(target.bootstrap, ENGINE_ALERTS, records)


async def impossible_states(target: Target) -> None:
    """Send states that no reading can have led to, of vehicles in the partitions where ordinary cars are."""

    def states(vin: str) -> Iterator[VehicleState]:
        plain = a_state(vin)
        changes: tuple[dict[str, Any], ...] = (
            {"trips": []}, {"offset": BEYOND}, {"offset": 2**63}, {"offset": -1}, {"partition": 99},
            {"partition": (home(vin) + 1) % 12}, {"received_at_ms": _FAR_MS}, {"received_at_ms": -1},
            {"newest_received_at_ms": 2**63}, {"newest": a_reading(new_vin())},
            {"newest": a_reading(vin, began_ms=now_ms() + 400 * DAY_MS)},
            {"trips": [TripTotals(number, 2**63, 2**63, 2**63, 2**63) for number in range(10_000)]},
            {"trips": [TripTotals(-1, -1, -1, -1, -1)]}, {"sample_due_ms": 2**63},
            {"episodes": [an_episode(number) for number in range(5_000)]},
        )  # fmt: skip
        yield from (msgspec.structs.replace(plain, **changed) for changed in changes)

    vins = [new_vin(partition=number) for number in (1, 3, 5)]
    records: list[Record] = [
        (state_vin.encode(), encode(state), home(state_vin), []) for state_vin in vins for state in states(state_vin)
    ]
    records += [(new_vin().encode(), encode(a_state(vins[0])), home(vins[0]), [])]
    records += [(vins[0].encode(), encode(a_state(vins[0])), (home(vins[0]) + 1) % 12, [])]
    await send(target.bootstrap, VEHICLE_STATES, records)


async def state_beyond_the_end(target: Target) -> None:
    """Send one state of an offset that the partition will not reach."""
    vin = new_vin(partition=5)
    await send(target.bootstrap, VEHICLE_STATES, [(vin.encode(), encode(a_state(vin)), 5, [])])


async def state_of_an_ordinary_car(target: Target) -> None:
    """Send a state without trips, and one of a far offset, of a car that goes on driving."""
    vin = min(target.stack.traffic.vehicles)
    states = [a_state(vin), a_state(vin, trips=[])]
    records: list[Record] = [(vin.encode(), encode(state), home(vin), []) for state in states]
    await send(target.bootstrap, VEHICLE_STATES, records)


async def impossible_marks(target: Target) -> None:
    """Send marks behind records that are not there, of far clocks, of other partitions; and without a reason."""
    changes: tuple[dict[str, Any], ...] = (
        {}, {"next_offset": 2**63}, {"next_offset": -1}, {"received_at_ms": _FAR_MS, "next_offset": 1},
        {"received_at_ms": -_FAR_MS, "next_offset": 1}, {"received_at_ms": 2**63}, {"rules_hash": ""},
        {"rules_hash": "r" * 100_000}, {"partition": 99}, {"partition": -1},
    )  # fmt: skip
    records: list[Record] = []
    for partition in (1, 3, 5):
        marks = [a_mark(partition, **changed) for changed in changes] + [a_mark(partition + 1, next_offset=1)]
        records += [(mark_key(partition), encode(mark), partition, []) for mark in marks]
        records += [(mark_key(partition + 1), encode(a_mark(partition + 1)), partition, [])]
    await send(target.bootstrap, VEHICLE_STATES, records)


async def mark_of_the_far_future(target: Target) -> None:
    """Send one mark of a clock that is far ahead; after a restart everybody would be silent."""
    mark = a_mark(6, next_offset=1, received_at_ms=now_ms() + DAY_MS)
    await send(target.bootstrap, VEHICLE_STATES, [(mark_key(6), encode(mark), 6, [])])


async def marks_are_true(target: Target) -> list[str]:
    """Look whether the API tells marks that can be."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        answer = await client.get(f"{target.stack.api_url}/v1/pipeline", params={"fields": "marks"})
    ends = {at.partition: end for at, end in (await target.stack.listener.ends(VEHICLE_READINGS)).items()}
    latest_ms = now_ms() + 60_000
    return [
        f"the API tells the mark {mark}"
        for mark in answer.json().get("marks", [])
        if not 0 <= mark["next_offset"] <= ends.get(mark["partition"], -1) or not 0 < mark["received_at_ms"] < latest_ms
    ]


async def impossible_actions(target: Target) -> None:
    """Send actions on alerts that are not there, at times that are not, by people of odd names."""
    plain = AlertAction("no-such-alert", "a1", "resolve", by="ann", at_ms=now_ms(), force=True)
    changes: tuple[dict[str, Any], ...] = (
        {}, {"at_ms": 2**63}, {"at_ms": -(2**63)}, {"at_ms": _FAR_MS}, {"by": "b" * 500_000}, {"by": "\0"}, {"by": ""},
        {"note": _TEXT}, {"note": "n" * 500_000}, {"alert_id": "\0"}, {"alert_id": "i" * 100_000}, {"action_id": "\0"},
        {"action_id": "i" * 100_000}, {"alert_id": _TEXT},
    )  # fmt: skip
    actions = [msgspec.structs.replace(plain, **changed) for changed in changes]
    records: list[Record] = [
        (f"{action.alert_id}:{action.action_id}".encode(), encode(action), 0, []) for action in actions
    ]
    records += [(b"another:key", encode(plain), 0, []), (b"no-colon", encode(plain), 0, []), (b":", None, 0, [])]
    await send(target.bootstrap, ALERT_ACTIONS, records)


async def impossible_erasures(target: Target) -> None:
    """Send erasures of vehicles that nobody has heard of, at times that are not; and under another vehicle's key."""
    ordinary = min(target.stack.traffic.vehicles)
    plain = Erasure(new_vin(), by="ann", at_ms=now_ms())
    changes: tuple[dict[str, Any], ...] = (
        {}, {"at_ms": 2**63}, {"at_ms": -1}, {"at_ms": _FAR_MS}, {"by": "b" * 500_000}, {"by": "\0"},
        {"vehicle_id": ""}, {"vehicle_id": "%"}, {"vehicle_id": "v" * 100_000}, {"vehicle_id": "\0"},
    )  # fmt: skip
    erasures = [msgspec.structs.replace(plain, **changed) for changed in changes]
    records: list[Record] = [(erasure.vehicle_id.encode(), encode(erasure), 0, []) for erasure in erasures]
    records += [(new_vin().encode(), encode(Erasure(ordinary, by="ann", at_ms=now_ms())), 0, [])]
    records += [(ordinary.encode(), b"{}", 0, []), (ordinary.encode(), None, 0, [])]
    await send(target.bootstrap, VEHICLE_ERASURES, records)


async def very_many_erasures(target: Target) -> None:
    """Erase thousands of vehicles that nobody has heard of."""
    vins = itertools.islice(numbered_vins("HSTERASED", partition=3), 5_000)
    records: list[Record] = [(vin.encode(), encode(Erasure(vin, by="ann", at_ms=now_ms())), 0, []) for vin in vins]
    await send(target.bootstrap, VEHICLE_ERASURES, records)


async def very_many_notes(target: Target) -> None:
    """Send thousands of notes on one alert that is not there."""
    notes = [AlertAction("no-such-alert", f"n{n}", "note", by="ann", at_ms=now_ms(), note="n") for n in range(20_000)]
    records: list[Record] = [(f"{note.alert_id}:{note.action_id}".encode(), encode(note), 0, []) for note in notes]
    await send(target.bootstrap, ALERT_ACTIONS, records)


def _rejected_headers(**changed: str) -> Headers:
    told = rejection(
        b"{", reason="not_json", detail=_TEXT, topic=VEHICLE_READINGS.name, partition=3, offset=1,
        received_at_ms=now_ms(),
    )  # fmt: skip
    written = {name: value.decode() for name, value in rejection_headers(told)}
    renamed = {name.replace("_", "-"): value for name, value in changed.items()}
    return [(name, value.encode("utf-8", "surrogatepass")) for name, value in (written | renamed).items()]


async def impossible_rejections(target: Target) -> None:
    """Send rejections of records that are not there, without headers, with odd ones."""
    vin = new_vin().encode()
    changes: tuple[dict[str, str], ...] = (
        {"source_offset": str(BEYOND)}, {"source_offset": str(2**63)}, {"source_offset": "-1"},
        {"source_partition": "99"}, {"source_partition": str(2**31)}, {"received_at_ms": str(_FAR_MS)},
        {"received_at_ms": "1e400"}, {"length": str(2**63)}, {"sha256": "x" * 100_000}, {"reason": _TEXT},
        {"reason": "r" * 100_000}, {"reason": "\0"}, {"detail": "d" * 500_000}, {"source_topic": "no-such-topic"},
        {"source_topic": "\0"}, {"detail": "\ud800"}, {"records": "2"}, {"records": str(2**31)}, {"records": "0"},
        {"records": "1000000", "source_last_offset": str(BEYOND)}, {"source_last_offset": "-1"},
    )  # fmt: skip
    records: list[Record] = [(vin, b"{", number % 3, _rejected_headers(**told)) for number, told in enumerate(changes)]
    records += [(vin, b"{", 0, []), (vin, None, 0, [("reason", b"not_json")]), (None, b"{", 1, [("", b"")] * 50)]
    await send(target.bootstrap, REJECTED_READINGS, records)


def _vehicles(vin: str) -> Iterator[bytes]:
    plain = Vehicle(vin, make=_TEXT, model="=1+1", year=2020, fleet=_TEXT, placard_kpa=230.0)
    changes: tuple[dict[str, Any], ...] = (
        {}, {"make": "m" * 500_000}, {"fleet": "f" * 500_000}, {"model": "\0"}, {"year": 2**53 - 1}, {"year": -1},
        {"placard_kpa": 1e308}, {"mass_kg": -1.0}, {"mass_kg": 0.0}, {"displacement_l": 5e-324}, {"tank_l": -0.0},
        {"road_load_a_n": 1e308}, {"vehicle_id": new_vin()}, {"vehicle_id": ""}, {"vehicle_id": "\0"}, {"fleet": ""},
    )  # fmt: skip
    for changed in changes:
        yield encode(msgspec.structs.replace(plain, **changed))
    whole = encode(plain)
    yield whole.replace(b"230.0", b"1e400")
    yield whole.replace(b"230.0", b"NaN")
    yield whole.replace(b'"=1+1"', b'"\\ud800"')
    yield whole


async def registry_of_markup(target: Target) -> None:
    """Register vehicles whose names are markup, escapes, formulas and far too long; drive one of them hot."""
    vin = new_vin()
    await send(target.bootstrap, VEHICLES, [(vin.encode(), value, 0, []) for value in _vehicles(vin)])
    began_ms = now_ms() - 60_000
    readings: list[Record] = [
        (vin.encode(), encode(a_reading(vin, n, began_ms=began_ms, second=n, coolant_c=125.0)), home(vin), [])
        for n in range(20)
    ]
    await send(target.bootstrap, VEHICLE_READINGS, readings)


async def terminals_are_not_steered(target: Target) -> list[str]:
    """Look whether the command line shows the fleet, and sends no escapes of the registry's to the terminal."""
    stack, told = target.stack, []
    for words in ("attention", "ranking", "alerts"):
        program = stack.client(words)
        answered = await told_by(program, stack.environment, within_s=30)
        if answered is None or answered[0] != 0:
            told.append(f"`api {words}` ends with {answered and (answered[0], answered[1][-200:])}")
        elif _ESCAPE.encode() in answered[1]:
            told.append(f"`api {words}` sends escapes to the terminal")
    return told


async def impossible_snapshots(target: Target) -> None:
    """Send pictures that are none, with headers that tell what cannot be."""
    vin = new_vin()
    plain = Snapshot(vin, "harsh_braking", now_ms(), now_ms(), 1, 50.0, latitude_deg=39.7, longitude_deg=-104.9)
    jpeg = b"\xff\xd8\xff\xe0<script>alert(1)</script>\xff\xd9"
    headers = [
        snapshot_headers(plain),
        [(name, b"1e400") for name, _ in snapshot_headers(plain)],
        [(name, b"\xff" * 1_000) for name, _ in snapshot_headers(plain)],
        [("vehicle-id", _TEXT.encode())],
        [],
    ]
    values = (jpeg, b"", b"<html><script>alert(1)</script>", None, b"\xff" * 1_500_000)
    records: list[Record] = [
        (vin.encode(), value, partition, given)
        for partition in (0, 3)
        for value, given in itertools.product(values, headers)
    ]
    await send(target.bootstrap, DASHCAM_SNAPSHOTS, records)


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
        names += [name for name, _ in _rejected_headers() if name != "source-offset"]
        for number in range(300):
            texts = [str(odd_text(chance)), odd_figure(chance)]
            chosen = chance.sample(names, k=4)
            headers = _rejected_headers(source_offset=str(BEYOND)) + [
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
    for topic in INTERNAL:
        await send(target.bootstrap, topic, _bent(topic, target.chance))


async def on_each(topics: Sequence[Topic], act: OnTopic, target: Target) -> None:
    """Do something on topics, one after the other."""
    for topic in topics:
        await act(topic, target)


def _on(topics: Sequence[Topic], name: str, act: OnTopic, **given: Any) -> Attack:
    where = "every topic" if topics is INTERNAL else ", ".join(topic.name for topic in topics)
    return Attack(f"{name} on {where}", "topics", partial(on_each, topics, act), **given)


_AFRESH: Final = ("hot-path", "projector", "notifier")
"""They begin with what stands on the topics."""

ON_TOPICS: Final = (
    _on([ENGINE_ALERTS], "empties", empties, is_short=True),
    _on(INTERNAL, "empties", empties, restarts=_AFRESH),
    _on([VEHICLES], "header names in Latin-1", header_names_in_latin, is_short=True),
    _on(INTERNAL, "header names in Latin-1", header_names_in_latin, restarts=_AFRESH),
    _on(INTERNAL, "giants", giants, restarts=_AFRESH),
    *(_on(topics, "bombs", bombs, restarts=_AFRESH) for topics in BOMBED),
    Attack("impossible alerts", "topics", impossible_alerts, is_short=True),
    Attack("impossible states", "topics", impossible_states, restarts=("hot-path",)),
    Attack("a state beyond the end", "topics", state_beyond_the_end, restarts=("hot-path",), is_short=True),
    Attack("a state of an ordinary car", "topics", state_of_an_ordinary_car, restarts=("hot-path",)),
    Attack("impossible marks", "topics", impossible_marks, check=marks_are_true, restarts=("hot-path",)),
    Attack("a mark of the far future", "topics", mark_of_the_far_future, check=marks_are_true, restarts=("hot-path",)),
    Attack("impossible actions", "topics", impossible_actions, restarts=("projector",)),
    Attack("impossible erasures", "topics", impossible_erasures, restarts=("projector",)),
    Attack("very many erasures", "topics", very_many_erasures, restarts=("projector",)),
    Attack("very many notes", "topics", very_many_notes, restarts=("projector",)),
    Attack("impossible rejections", "topics", impossible_rejections),
    Attack("a registry of markup", "topics", registry_of_markup, check=terminals_are_not_steered, is_drained=True),
    Attack("impossible snapshots", "topics", impossible_snapshots),
    _on(INTERNAL, "transactions", transactions, held_ms=_TRANSACTION_MS + 10_000),
    Attack("bent records", "topics", bent_records, restarts=_AFRESH, is_drained=True),
)
