"""What records that cannot be true do on the topics that programs write and trust; and all attacks on topics."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

import httpx
import msgspec
from hostile.attack import Attack, Rounds, Target
from hostile.forged import BEYOND, FAR_MS, TEXT, a_mark, a_state, an_alert, an_episode, rejected_headers
from hostile.on_every_topic import (
    BOMBED,
    INTERNAL,
    TRANSACTION_MS,
    bent_records,
    bombs,
    empties,
    giants,
    header_names_in_latin,
    on_topics,
    transactions,
)
from hostile.ordinary_cars import numbered_vins
from hostile.sending import Record, send
from hostile.vehicles import DAY_MS, a_reading, home, new_vin, now_ms

from contracts.alert import AlertAction
from contracts.codec import encode
from contracts.snapshot import Snapshot
from contracts.snapshot import to_headers as snapshot_headers
from contracts.topics import (
    ALERT_ACTIONS,
    DASHCAM_SNAPSHOTS,
    ENGINE_ALERTS,
    REJECTED_READINGS,
    VEHICLE_ERASURES,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle import Erasure, Vehicle
from contracts.vehicle_state import TripTotals, VehicleState, mark_key
from stack.verification import told_by

_ESCAPE: Final = "\x1b]0;owned"


async def impossible_alerts(target: Target) -> None:
    """Send alerts whose figures no partition, no clock and no database can have."""
    vin = new_vin()
    plain = an_alert(vin)
    changes: tuple[dict[str, Any], ...] = (
        {"offset": 2**63}, {"offset": -1}, {"offset": BEYOND}, {"change": 2**31}, {"change": 2**63},
        {"change": -1}, {"change": 0}, {"partition": 99}, {"partition": -1}, {"partition": 2**31},
        {"partition": (home(vin) + 1) % 12}, {"received_at_ms": FAR_MS}, {"raised_at_ms": -FAR_MS},
        {"raised_at_ms": 2**63}, {"changed_at_ms": 2**53}, {"alert_id": "a" * 100_000}, {"alert_id": "\0"},
        {"alert_id": ""}, {"vehicle_id": "x" * 100_000}, {"vehicle_id": ""}, {"rules_hash": "other"},
        {"rule": TEXT}, {"rule": "r" * 100_000}, {"message": "m" * 500_000}, {"latitude_deg": 1e308},
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
            {"partition": (home(vin) + 1) % 12}, {"received_at_ms": FAR_MS}, {"received_at_ms": -1},
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
        {}, {"next_offset": 2**63}, {"next_offset": -1}, {"received_at_ms": FAR_MS, "next_offset": 1},
        {"received_at_ms": -FAR_MS, "next_offset": 1}, {"received_at_ms": 2**63}, {"rules_hash": ""},
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
        {}, {"at_ms": 2**63}, {"at_ms": -(2**63)}, {"at_ms": FAR_MS}, {"by": "b" * 500_000}, {"by": "\0"}, {"by": ""},
        {"note": TEXT}, {"note": "n" * 500_000}, {"alert_id": "\0"}, {"alert_id": "i" * 100_000}, {"action_id": "\0"},
        {"action_id": "i" * 100_000}, {"alert_id": TEXT},
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
        {}, {"at_ms": 2**63}, {"at_ms": -1}, {"at_ms": FAR_MS}, {"by": "b" * 500_000}, {"by": "\0"},
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


async def impossible_rejections(target: Target) -> None:
    """Send rejections of records that are not there, without headers, with odd ones."""
    vin = new_vin().encode()
    changes: tuple[dict[str, str], ...] = (
        {"source_offset": str(BEYOND)}, {"source_offset": str(2**63)}, {"source_offset": "-1"},
        {"source_partition": "99"}, {"source_partition": str(2**31)}, {"received_at_ms": str(FAR_MS)},
        {"received_at_ms": "1e400"}, {"length": str(2**63)}, {"sha256": "x" * 100_000}, {"reason": TEXT},
        {"reason": "r" * 100_000}, {"reason": "\0"}, {"detail": "d" * 500_000}, {"source_topic": "no-such-topic"},
        {"source_topic": "\0"}, {"detail": "\ud800"}, {"records": "2"}, {"records": str(2**31)}, {"records": "0"},
        {"records": "1000000", "source_last_offset": str(BEYOND)}, {"source_last_offset": "-1"},
    )  # fmt: skip
    records: list[Record] = [(vin, b"{", number % 3, rejected_headers(**told)) for number, told in enumerate(changes)]
    records += [(vin, b"{", 0, []), (vin, None, 0, [("reason", b"not_json")]), (None, b"{", 1, [("", b"")] * 50)]
    await send(target.bootstrap, REJECTED_READINGS, records)


def _vehicles(vin: str) -> Iterator[bytes]:
    plain = Vehicle(vin, make=TEXT, model="=1+1", year=2020, fleet=TEXT, placard_kpa=230.0)
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
        [("vehicle-id", TEXT.encode())],
        [],
    ]
    values = (jpeg, b"", b"<html><script>alert(1)</script>", None, b"\xff" * 1_500_000)
    records: list[Record] = [
        (vin.encode(), value, partition, given)
        for partition in (0, 3)
        for value, given in itertools.product(values, headers)
    ]
    await send(target.bootstrap, DASHCAM_SNAPSHOTS, records)


_AFRESH: Final = ("hot-path", "projector", "notifier")
"""They begin with what stands on the topics."""

ON_TOPICS: Final[Rounds] = (
    (
        on_topics([ENGINE_ALERTS], "empties", empties, is_short=True),
        on_topics([VEHICLES], "header names in Latin-1", header_names_in_latin, is_short=True),
        Attack("impossible alerts", "topics", impossible_alerts, is_short=True),
        Attack("impossible rejections", "topics", impossible_rejections),
        Attack("impossible snapshots", "topics", impossible_snapshots),
    ),
    (
        on_topics(INTERNAL, "empties", empties, restarts=_AFRESH),
        on_topics(INTERNAL, "header names in Latin-1", header_names_in_latin, restarts=_AFRESH),
        on_topics(INTERNAL, "giants", giants, restarts=_AFRESH),
    ),
    tuple(on_topics(topics, "bombs", bombs, restarts=_AFRESH) for topics in BOMBED),
    (
        Attack("impossible states", "topics", impossible_states, restarts=("hot-path",)),
        Attack("a state beyond the end", "topics", state_beyond_the_end, restarts=("hot-path",), is_short=True),
        Attack("a state of an ordinary car", "topics", state_of_an_ordinary_car, restarts=("hot-path",)),
    ),
    # Of two marks of a partition the later one counts, so these come one after the other.
    (Attack("impossible marks", "topics", impossible_marks, check=marks_are_true, restarts=("hot-path",)),),
    (
        Attack(
            "a mark of the far future", "topics", mark_of_the_far_future, check=marks_are_true, restarts=("hot-path",)
        ),
    ),
    (
        Attack("impossible actions", "topics", impossible_actions, restarts=("projector",)),
        Attack("impossible erasures", "topics", impossible_erasures, restarts=("projector",)),
        Attack("very many erasures", "topics", very_many_erasures, restarts=("projector",)),
        Attack("very many notes", "topics", very_many_notes, restarts=("projector",)),
    ),
    (Attack("a registry of markup", "topics", registry_of_markup, check=terminals_are_not_steered, is_drained=True),),
    (on_topics(INTERNAL, "transactions", transactions, held_ms=TRANSACTION_MS + 10_000),),
    (Attack("bent records", "topics", bent_records, restarts=_AFRESH, is_drained=True),),
)
