"""What a client on this machine, or a page in its browser, can do to an API without keys; and anybody to one with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import httpx
from hostile.attack import Act, Attack, Rounds, Target
from hostile.connections import connected, dripped, flooded
from hostile.requests_at_random import requests
from hostile.running_stack import Door

_JSON: Final = b"content-type: application/json\r\n"
_HOST: Final = b"Host: 127.0.0.1\r\n"
_SINCE_THE_BEGINNING: Final = ".".join(["0"] * 12)
_LISTENERS: Final = 200
_CHUNK: Final = b"a" * 60_000
_MOST_AUDIT_BYTES: Final = 2_000_000
_ELSEWHERE: Final = "http://evil.example"
_CLIENT_ERRORS: Final = range(400, 500)


@asynccontextmanager
async def asking(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    """Ask an API as a caller of its own; where it has keys, with the viewer's."""
    limits = httpx.Limits(max_connections=40)
    async with httpx.AsyncClient(
        base_url=door.url, headers=door.headers, timeout=20, trust_env=False, limits=limits
    ) as client:
        yield client


def head(door: Door, line: str, *, host: bytes = _HOST) -> bytes:
    """Begin a request by hand, its last line still to come."""
    given = "".join(f"{name}: {value}\r\n" for name, value in door.headers.items())
    return f"{line} HTTP/1.1\r\n".encode() + host + given.encode()


async def endless_headers(target: Target) -> list[str]:
    """Send header after header, up to 20 MB on each of ten connections."""

    def line(number: int) -> bytes:
        return b"x-%d: %b\r\n" % (number, _CHUNK)

    async with connected(target.door.url, 10) as connections:
        for connection in connections:
            await connection.send(head(target.door, "GET /v1/attention"))
        ended = await asyncio.gather(*(flooded(one, line, most=330, seconds=6) for one in connections))
    return [] if all(ended) else ["a request of 20 MB of headers is not put an end to"]


async def giant_header(target: Target) -> list[str]:
    """Send one header of 60 MB, on four connections."""
    async with connected(target.door.url, 4) as connections:
        for connection in connections:
            await connection.send(head(target.door, "GET /v1/attention") + b"x-big: ")
        ended = await asyncio.gather(*(flooded(one, lambda _: _CHUNK, most=1_000, seconds=6) for one in connections))
    return [] if all(ended) else ["a header of 60 MB is not put an end to"]


async def half_requests(target: Target) -> None:
    """Begin 300 requests, and end none."""
    async with connected(target.door.url, 300) as connections:
        for number, connection in enumerate(connections):
            whole = head(target.door, "POST /v1/alerts/a/notes") + _JSON + b"content-length: 90\r\n\r\n{"
            await connection.send(whole[: len(whole) if number % 3 else 40 + number % 50])
        await asyncio.sleep(6)


async def slow_bodies(target: Target) -> None:
    """Drip bodies of 60 kB, a byte now and then, on fifty connections."""
    begin = head(target.door, "POST /v1/alerts/a/notes") + _JSON + b"content-length: 60000\r\n\r\n"
    async with connected(target.door.url, 50) as connections:
        for connection in connections:
            await connection.send(begin)
        await asyncio.gather(*(dripped(one, b"{" * 60_000, every_s=0.2, seconds=6) for one in connections))


async def silent_listeners(target: Target) -> None:
    """Ask for every alert there ever was on 200 streams, and read none of them."""
    line = f"GET /v1/alerts/stream?since={_SINCE_THE_BEGINNING}"
    async with connected(target.door.url, _LISTENERS) as connections:
        for connection in connections:
            await connection.send(head(target.door, line) + b"\r\n")
        await asyncio.sleep(8)


async def silent_readers(target: Target) -> None:
    """Ask for the longest answers over and over on fifty connections, and read none of them."""
    lines = (
        "GET /v1/rankings/fuel-efficiency?limit=500",
        "GET /v1/roads",
        "GET /v1/attention?limit=500",
        "GET /openapi.json",
    )
    async with connected(target.door.url, 50) as connections:
        for connection in connections:
            await connection.send(b"".join(head(target.door, line) + b"\r\n" for line in lines) * 40, within_s=1)
        await asyncio.sleep(4)


async def idle_connections(target: Target) -> None:
    """Open 800 connections, and say nothing."""
    async with connected(target.door.url, 800):
        await asyncio.sleep(4)


def _odd_requests(door: Door) -> Iterator[bytes]:
    get = head(door, "GET /v1/attention")
    post = head(door, "POST /v1/alerts/a/notes") + _JSON
    yield get + b"Host: 127.0.0.1\r\n\r\n"
    yield head(door, "GET /v1/attention", host=b"") + b"\r\n"
    yield get + b"Range: bytes=0-0,-1,5-\r\n\r\n"
    yield get + b"Accept-Encoding: gzip;q=0, *;q=nan\r\n\r\n"
    yield get + b"Accept: text/csv;q=2,\xff\r\n\r\n"
    yield get + b"If-None-Match: " + b'"x",' * 5_000 + b"\r\n\r\n"
    yield get + b"Last-Event-ID: \xff\xfe\r\n\r\n"
    yield get + b"Cookie: a=\0\r\n\r\n"
    yield get + b"Expect: 200-ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    yield post + b"content-length: -1\r\n\r\n{}"
    yield post + b"content-length: 99999999999999999999\r\n\r\n{}"
    yield post + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    yield post + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}"
    yield post + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00"
    yield post + b"content-length: 6\r\n\r\n\xff\xfe{}\x00\x00"
    yield b"GET /%00/%2e%2e/%ff HTTP/1.1\r\n" + _HOST + b"\r\n"
    yield b"GET /static/../../../../etc/passwd HTTP/1.1\r\n" + _HOST + b"\r\n"
    yield b"GET /static/%2e%2e%2f%2e%2e%2fapp.py HTTP/1.1\r\n" + _HOST + b"\r\n"
    yield b"GET http://evil.example/v1/attention HTTP/1.1\r\n" + _HOST + b"\r\n"
    yield b"GET //v1//attention?" + b"a&" * 5_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n"
    yield b"BREW /v1/attention HTTP/1.1\r\n" + _HOST + b"\r\n"
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield b"OPTIONS * HTTP/1.1\r\n" + _HOST + b"\r\n"
    yield b"get /\r\n\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200


async def odd_requests(target: Target) -> list[str]:
    """Send requests that are none, or that say two things at once."""
    told = []
    for data in _odd_requests(target.door):
        async with connected(target.door.url) as connections:
            for connection in connections:
                await connection.send(data)
                status = await connection.status(within_s=2)
                if status is not None and status >= 500:
                    told.append(f"{status} is the answer to {data[:60]!r}")
    return told


async def requests_at_random(target: Target) -> None:
    """Ask every operation with parameters and bodies at random."""
    async with asking(target.door) as client:
        document = (await client.get("/openapi.json")).json()
        for request in requests(document, target.chance("requests at random"), 500):
            headers = {"content-type": "application/json"} if request.body is not None else {}
            with suppress(httpx.HTTPError, httpx.InvalidURL):
                await client.request(request.method, request.address, content=request.body, headers=headers)
            # A caller's usual share of requests, so that not all are refused for being too many.
            await asyncio.sleep(0.01 if target.door.headers else 0)


async def large_bodies(target: Target) -> list[str]:
    """Send bodies that are long, deep, or packed more than once."""
    bodies = (
        b'{"by":"' + b"a" * 3_000_000 + b'"}',
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b'{"by":"ann","note":' + b"9" * 50_000,
    )
    told = []
    async with asking(target.door) as client:
        for body in bodies:
            with suppress(httpx.HTTPError):
                answer = await client.post(
                    "/v1/alerts/a/notes", content=body, headers={"content-type": "application/json"}
                )
                if answer.status_code not in _CLIENT_ERRORS:
                    told.append(f"{answer.status_code} is the answer to a body {body[:20]!r}…")
    return told


async def dear_questions(target: Target) -> None:
    """Ask sixty of the dearest questions at once."""
    addresses = (
        "/v1/rankings/fuel-efficiency?limit=500&view=merged&scope=vehicle", "/v1/attention?limit=500",
        "/v1/pipeline?latency_alerts=10000", "/v1/roads", "/v1/alerts?limit=500", "/v1/vehicles?limit=500",
        "/v1/routes?from=39.7434,-104.9847&to=39.7634,-104.9647", "/openapi.json",
    )  # fmt: skip

    async def ask(client: httpx.AsyncClient, address: str) -> None:
        with suppress(httpx.HTTPError):
            await client.get(address)

    async with asking(target.door) as client:
        await asyncio.gather(*(ask(client, addresses[number % len(addresses)]) for number in range(60)))


async def audited_at_length(target: Target) -> list[str]:
    """Ask for changes under long names, from addresses that one makes up; look at what is noted of it."""
    audit = target.stack.audit_of(target.door.name)
    before = audit.stat().st_size if audit.exists() else 0
    headers = {
        "x-forwarded-for": "203.0.113.7",
        "content-type": "application/json",
        "authorization": "Bearer " + "k" * 4_000,
    }
    async with httpx.AsyncClient(base_url=target.door.url, timeout=20, trust_env=False) as client:
        for number in range(150):
            with suppress(httpx.HTTPError):
                await client.post(f"/v1/alerts/{number}{'a' * 30_000}/notes", content=b"{}", headers=headers)
    noted = audit.read_bytes() if audit.exists() else b""
    told = [f"the audit grew by {len(noted) - before} bytes"] if len(noted) - before > _MOST_AUDIT_BYTES else []
    return told + (["the audit believes an address that the caller made up"] if b"203.0.113.7" in noted else [])


async def figures_that_are_none(target: Target) -> list[str]:
    """Steer the simulated fleet by NaN, infinities and halves of characters."""
    bodies = [
        (method, path, b"{" + name + b":" + figure + b"}")
        for method, path, name in (
            ("PATCH", "/v1/simulator", b'"rate"'),
            ("PATCH", "/v1/simulator", b'"vehicles"'),
            ("PATCH", "/v1/simulator", b'"disturbances"'),
            ("POST", "/v1/simulator/faults", b'"vehicle_id":"0CC00010N00000001","fault":"coolant_leak","severity"'),
            ("POST", "/v1/simulator/faults", b'"fault":"coolant_leak","vehicle_id"'),
        )
        for figure in (b"NaN", b"1e400", b"-Infinity", b'"\\ud800"', b'{"late":NaN}', b'{"\\ud800":1}')
    ]
    told = []
    async with asking(target.door) as client:
        for method, path, body in bodies:
            status = await _status(client, method, path, body)
            if status not in _CLIENT_ERRORS:
                told.append(f"{status} is the answer to {method} {path} {body!r}")
    return told


async def _status(client: httpx.AsyncClient, method: str, path: str, body: bytes) -> int | None:
    """Return the status of an answer, None where the connection breaks instead."""
    try:
        answer = await client.request(method, path, content=body, headers={"content-type": "application/json"})
    except httpx.HTTPError:
        return None
    return answer.status_code


async def other_origins(target: Target) -> list[str]:
    """Ask as a page of another origin can: by forms, by a host name that was bound anew, by scripts."""
    steering, told = b'{"paused":false}', []
    async with asking(target.door) as client:
        served = (await client.get("/v1/views")).json()["served"]
        rollback = f"/v1/views/{served}/rollback"
        form = "application/x-www-form-urlencoded"
        asked: list[tuple[str, str, bytes, dict[str, str]]] = [
            ("POST", rollback, b"by=ann", {"content-type": form}),
            ("POST", rollback, b"", {}),
            ("POST", rollback, b"", {"origin": _ELSEWHERE}),
            ("POST", rollback, b'{"by":"ann"}', {"content-type": "application/json", "origin": "null"}),
            ("PATCH", "/v1/simulator", steering, {"content-type": "text/plain"}),
            ("PATCH", "/v1/simulator", steering, {"content-type": "application/json", "origin": _ELSEWHERE}),
            ("PATCH", "/v1/simulator", steering, {"content-type": "application/json", "host": "evil.example"}),
            ("GET", "/v1/positions", b"", {"host": "evil.example"}),
            ("GET", "/v1/attention", b"", {"host": "evil.example:8000"}),
        ]
        for method, path, body, headers in asked:
            answer = await client.request(method, path, content=body, headers=headers)
            if answer.status_code not in _CLIENT_ERRORS:
                told.append(f"{answer.status_code} is the answer to {method} {path} with {headers}")
    return told


def at(door: str, act: Act) -> Act:
    """Let an attack go to one of the two APIs."""
    return partial(_at, door, act)


async def _at(door: str, act: Act, target: Target) -> list[str] | None:
    return await act(replace(target, door=target.stack.door(door)))


def _open_api(name: str, act: Act, **given: Any) -> Attack:
    return Attack(name, "api", at("api", act), **given)


ON_API: Final[Rounds] = (
    (
        _open_api("endless headers", endless_headers, is_short=True),
        _open_api("a header of 60 MB", giant_header),
        _open_api("half requests", half_requests),
        _open_api("slow bodies", slow_bodies),
        _open_api("large bodies", large_bodies),
    ),
    (
        _open_api("200 listeners that never read", silent_listeners, is_short=True),
        _open_api("50 readers that never read", silent_readers),
        _open_api("800 idle connections", idle_connections),
        _open_api("dear questions", dear_questions),
    ),
    (
        _open_api("odd requests", odd_requests, is_short=True),
        _open_api("requests at random", requests_at_random),
        _open_api("changes under long names", audited_at_length),
        _open_api("figures that are none", figures_that_are_none, is_short=True),
        _open_api("other origins", other_origins, is_short=True),
    ),
)
