"""Requests to every operation that an API describes, with parameters and bodies as nobody sends them. Seeded, pure."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from hostile.mutation import odd_figure, odd_text

STREAMS: Final = ("/v1/alerts/stream", "/v1/positions/stream")
"""They do not end by themselves."""
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_BODIES: Final = (b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"[" * 2_000, b'{"by":' + b"9" * 5_000 + b"}")
_LONGEST: Final = 3_000


class Request(NamedTuple):
    """One request; the address begins with the path."""

    method: str
    address: str
    body: bytes | None


def requests(document: dict[str, Any], chance: random.Random, count: int) -> Iterator[Request]:
    """Return `count` requests to the operations of an OpenAPI document."""
    operations = [
        (method, path, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
        if method in _METHODS and path not in STREAMS
    ]
    for _ in range(count):
        method, path, told = chance.choice(operations)
        yield _request(method, path, told.get("parameters", []), chance)


def _request(method: str, path: str, parameters: list[dict[str, Any]], chance: random.Random) -> Request:
    given: list[str] = []
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", _written(parameter, chance) or "%00")
        elif parameter["in"] == "query" and chance.random() < 0.6:
            given += [f"{parameter['name']}={_written(parameter, chance)}"] * chance.choice((1, 1, 1, 2))
    if chance.random() < 0.05:
        given.append(f"{quote(str(chance.random()))}=1")
    body = _body(chance) if method != "get" else None
    return Request(method.upper(), path + ("?" + "&".join(given) if given else ""), body)


def _written(parameter: dict[str, Any], chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.5:
        return quote(_likely(parameter.get("schema", {}), chance), safe="")
    if kind < 0.75:
        return quote(odd_figure(chance)[:_LONGEST], safe="")
    return quote(str(odd_text(chance))[:_LONGEST].encode("utf-8", "surrogatepass"), safe="")


def _likely(schema: dict[str, Any], chance: random.Random) -> str:
    """Return what the parameter may be, so that not all is refused at the door."""
    for choice in schema.get("anyOf", [schema]):
        if "enum" in choice:
            return str(chance.choice(choice["enum"]))
        if choice.get("type") == "integer":
            return str(chance.choice((choice.get("minimum", 0), choice.get("maximum", 2**53), 1, 7)))
        if choice.get("type") == "boolean":
            return chance.choice(("true", "false"))
    return chance.choice(("1HGCM82633A004352", "2026-11", "north", "coolant", "39.7,-104.9", "a", "W10", "0.0.0"))


def _body(chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return chance.choice(_BODIES)
    names = (
        "by",
        "note",
        "force",
        "paused",
        "rate",
        "vehicles",
        "disturbances",
        "vehicle_id",
        "fault",
        "reason",
        "most",
    )
    fields = {name: _value(chance) for name in chance.sample(names, k=3)}
    return ("{" + ",".join(f"{json.dumps(name)}:{told}" for name, told in fields.items()) + "}").encode()


def _value(chance: random.Random) -> str:
    # Never what would change the fleet for good: odd figures are refused, odd texts name nothing.
    return odd_figure(chance) if chance.random() < 0.5 else json.dumps(odd_text(chance))
