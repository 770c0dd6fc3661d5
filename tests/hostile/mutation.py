"""Valid records bent at random, a bounded number of times: bits, cuts, fields, figures, texts. Seeded and pure."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

_FIGURES: Final = (
    "0", "-1", "-0.0", "1e400", "-1e400", "NaN", "Infinity", "1e-400", "0.1", "2147483648", "9007199254740992",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1" + "0" * 400,
    "253402300800000", "1e15", "true", "null",
)  # fmt: skip
"""Edges of every kind of integer, what JSON does not know, and times after the year 9999."""
_TEXTS: Final = (
    '""', '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"[/red]"', '"[bold]"', '"\\u001b]0;owned\\u0007\\u001b[2J"',
    '"<script>alert(1)</script>"', '"=cmd|\' /C calc\'!A0"', '"\\u202egnp.exe"', '"../../../../etc/passwd"',
    '"%s%n{0}"', '"\'; DROP TABLE alerts; --"', '"' + "a" * 70_000 + '"', '"\\ufeff=1+1"',
)  # fmt: skip
"""Nothing, halves of characters, markup, escapes, formulas, paths, and more than anyone wants to read."""
_SHAPES: Final = ("{}", "[]", "[[]]", '{"a":{"a":{"a":1}}}', "[" * 600 + "]" * 600, '"text"', "1")


def bent(value: bytes, chance: random.Random, *, pinned: Sequence[str] = ()) -> bytes:
    """Return the value, a JSON object, with something wrong; `pinned` fields stay as they are, if they stay."""
    fields = {name: json.dumps(told) for name, told in json.loads(value).items()}
    free = [name for name in fields if name not in pinned]
    kind = chance.choice(("bits", "cut", "fields", "fields", "fields", "missing", "twice", "unknown"))
    if kind == "bits" and not pinned:
        return _with_other_bits(value, chance)
    if kind == "cut":
        return value[: chance.randrange(len(value))]
    if kind == "missing":
        del fields[chance.choice(list(fields))]
    elif kind == "twice":
        name = chance.choice(free)
        return _written({name: _odd(chance)})[:-1] + b"," + _written(fields)[1:]
    elif kind == "unknown":
        fields[chance.choice(("__proto__", "", "vehicle_id\\u0000", "x" * 5_000))] = _odd(chance)
    else:
        for name in chance.sample(free, k=min(len(free), chance.choice((1, 1, 2, 4)))):
            fields[name] = _odd(chance)
    return _written(fields)


def all_bent(value: bytes, chance: random.Random, count: int, *, pinned: Sequence[str] = ()) -> Iterator[bytes]:
    """Return `count` bent ones."""
    return (bent(value, chance, pinned=pinned) for _ in range(count))


def odd_text(chance: random.Random) -> Any:
    """Return a text that nobody sends, as Python has it."""
    return json.loads(chance.choice(_TEXTS))


def odd_figure(chance: random.Random) -> str:
    """Return a figure that nobody sends, as JSON writes it or would not."""
    return chance.choice(_FIGURES)


def _odd(chance: random.Random) -> str:
    return chance.choice(chance.choice((_FIGURES, _FIGURES, _TEXTS, _SHAPES)))


def _with_other_bits(value: bytes, chance: random.Random) -> bytes:
    changed = bytearray(value)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _written(fields: dict[str, str]) -> bytes:
    """Write what `json` would not write: figures and halves of characters as they are given."""
    return ("{" + ",".join(f'"{name}":{told}' for name, told in fields.items()) + "}").encode()
