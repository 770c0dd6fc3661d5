"""What a caller with a viewer's key, with a key that has been revoked, or with none, can do to an API that has keys."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import httpx
from hostile.attack import Act, Attack, Rounds, Target
from hostile.connections import connected
from hostile.on_api import (
    asking,
    at,
    audited_at_length,
    endless_headers,
    head,
    requests_at_random,
    silent_listeners,
)
from hostile.requests_at_random import STREAMS

from contracts.road_costs import TIMES_OF_DAY, VEHICLE_CLASSES

_SOON_S: Final = 10.0
"""A stream ends within a second of its key; a busy machine may need longer."""
_revoked: Final = itertools.count()


async def streams_of_a_revoked_key(target: Target) -> list[str]:
    """Listen with a key, and go on listening when it has been revoked."""
    stack = target.stack
    name = f"revoked {next(_revoked)}"
    mine = replace(target.door, headers={"authorization": f"Bearer {stack.made_key(name, 'operator')}"})
    async with connected(mine.url, len(STREAMS)) as connections:
        statuses = []
        for connection, stream in zip(connections, STREAMS, strict=True):
            # Else the connection outlives the answer, for the next request.
            await connection.send(head(mine, f"GET {stream}") + b"Connection: close\r\n\r\n")
            statuses.append(await connection.status())
        stack.revoke_key(name)
        ended = await asyncio.gather(*(one.has_ended(within_s=_SOON_S) for one in connections))
    told = [f"{stream} answers {status}" for stream, status in zip(STREAMS, statuses, strict=True) if status != 200]
    return told + [f"{stream} goes on after its key" for stream, over in zip(STREAMS, ended, strict=True) if not over]


async def what_a_viewer_may_not(target: Target) -> list[str]:
    """Ask for every change, and for places, with a viewer's key."""
    told = []
    async with asking(target.door) as client:
        document = (await client.get("/openapi.json")).json()
        changes = [
            (method, path) for path, methods in document["paths"].items() for method in methods if method != "get"
        ]
        for method, path in [*changes, ("get", "/v1/positions"), ("get", "/v1/rejected-readings")]:
            address = path.replace("{vin}", "1HGCM82633A004352").replace("{", "").replace("}", "")
            answer = await client.request(
                method.upper(), address, content=b"{}", headers={"content-type": "application/json"}
            )
            if answer.status_code != httpx.codes.FORBIDDEN:
                told.append(f"{answer.status_code} is the answer to a viewer's {method.upper()} {path}")
    return told


async def keys_that_are_none(target: Target) -> list[str]:
    """Ask with a thousand keys that are none: guessed, giant, in the wrong place."""
    chance = target.chance("keys that are none")
    guesses = [b"cc_" + chance.randbytes(24).hex().encode() for _ in range(200)]
    odd = [b"", b"\xff" * 50, b"k" * 30_000, b"Bearer", b"cc_\0", *guesses]
    told = []
    async with httpx.AsyncClient(base_url=target.door.url, timeout=20, trust_env=False) as client:
        for number in range(1_000):
            key = odd[number % len(odd)]
            headers = [(b"authorization", b"Bearer " + key), (b"x-api-key", key)][number % 2 : number % 2 + 1]
            with suppress(httpx.HTTPError):
                answer = await client.get("/v1/attention", headers=headers)
                if answer.status_code < 400:
                    told.append(f"{answer.status_code} is the answer to the key {key[:20]!r}")
    return told[:1]


async def key_in_the_address(target: Target) -> list[str]:
    """Send the viewer's key in the address, where logs would keep it."""
    key = target.stack.attackers_key
    async with httpx.AsyncClient(base_url=target.door.url, timeout=20, trust_env=False) as client:
        for name in ("api_key", "key", "access_token"):
            await client.get("/v1/attention", params={name: key})
    files = (target.stack.folder.logs / f"{target.door.name}.log", target.stack.audit_of(target.door.name))
    return [f"{file.name} keeps a key" for file in files if file.exists() and key in file.read_text(errors="replace")]


async def too_often(target: Target) -> list[str]:
    """Ask far more often than the limit allows, at once."""
    began_s = time.monotonic()

    async def ask(client: httpx.AsyncClient) -> int:
        with suppress(httpx.HTTPError):
            return (await client.get("/v1/rules")).status_code
        return 0

    mine = replace(target.door, headers={"authorization": f"Bearer {target.stack.greedy_key}"})
    async with asking(mine) as client:
        statuses = await asyncio.gather(*(ask(client) for _ in range(600)))
    # A second's worth at once, and what the limit grants in the time that it took.
    most = 200 + 100 * (time.monotonic() - began_s + 1)
    return [] if statuses.count(200) <= most else [f"{statuses.count(200)} requests are answered, {most:.0f} at most"]


async def long_answers_unread(target: Target) -> list[str]:
    """Ask for a hundred long answers at once, nearly each another one, and read none of them."""
    roads = [f"/v1/roads?vehicle_class={kind}&time_of_day={time}" for kind in VEHICLE_CLASSES for time in TIMES_OF_DAY]
    addresses = [*roads, *(f"/v1/attention?limit={500 - nth}" for nth in range(100 - len(roads)))]
    other = replace(target.door, headers={"x-api-key": target.stack.viewer_key})
    async with connected(target.door.url, len(addresses)) as connections, asking(other) as client:
        for connection, address in zip(connections, addresses, strict=False):
            await connection.send(head(target.door, f"GET {address}") + b"\r\n")
        answers = [await client.get(address) for address in ("/v1/attention?limit=500", "/v1/roads")]
        await asyncio.sleep(4)
    return [f"{one.status_code} is the answer to another key" for one in answers if one.status_code != httpx.codes.OK]


async def unread_files(target: Target) -> None:
    """Ask for the dashboard's largest file over and over on a thousand connections, without a key, and read none."""
    line = head(replace(target.door, headers={}), "GET /static/vendor/uplot/uPlot.iife.min.js") + b"\r\n"
    async with connected(target.door.url, 1_000) as connections:
        for connection in connections:
            await connection.send(line * 16, within_s=1)
        await asyncio.sleep(4)


def _keyed(name: str, act: Act, **given: Any) -> Attack:
    return Attack(name, "api with key", at("api-with-keys", act), **given)


ON_API_WITH_KEY: Final[Rounds] = (
    (
        _keyed("streams of a revoked key", streams_of_a_revoked_key, is_short=True),
        _keyed("what a viewer may not", what_a_viewer_may_not, is_short=True),
        _keyed("keys that are none", keys_that_are_none),
        _keyed("a key in the address", key_in_the_address),
        _keyed("endless headers", endless_headers),
    ),
    (_keyed("too often", too_often),),
    (_keyed("200 listeners that never read", silent_listeners),),
    (
        _keyed("100 long answers that nobody reads", long_answers_unread),
        _keyed("files that nobody reads", unread_files),
    ),
    (
        _keyed("requests at random", requests_at_random),
        _keyed("changes under long names", audited_at_length),
    ),
)
