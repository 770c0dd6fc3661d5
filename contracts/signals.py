"""A reading's fields as data, read from its types: the ranges of signals, the same fields without or within others."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor
from typing import Annotated, Any, cast, get_type_hints

import msgspec

from contracts.bounds import LARGEST_INTEGER
from contracts.reading import Reading

Range = tuple[float, float]


def signal_ranges() -> dict[str, Range]:
    """Give the range of every signal that can be ignored alone, by name; the tyres and trouble codes are apart."""
    found: dict[str, Range] = {}
    for described in msgspec.inspect.type_info(Reading).fields:  # type: ignore[attr-defined]
        kinds = getattr(described.type, "types", ())
        for kind in kinds:
            if isinstance(kind, msgspec.inspect.FloatType) and kind.ge is not None and kind.le is not None:
                found[described.name] = (kind.ge, kind.le)
    return found


def fields_of_any_value() -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    """Give the fields with their JSON types alone: whole numbers stay within 2^53, nothing else has a range."""
    exact = get_type_hints(Reading, include_extras=True)
    plain = get_type_hints(Reading)
    required = {described.name for described in msgspec.structs.fields(Reading) if described.required}
    kinds = {name: exact[name] if plain[name] in (int, int | None) else plain[name] for name in plain}
    return [(name, kind) if name in required else (name, kind, None) for name, kind in kinds.items()]


def narrowed_reading(bands: Mapping[str, Range]) -> type[Reading]:
    """Give the kind of reading without trouble codes in which each signal named lies strictly within its band.

    All other signals lie within their ranges; an absent one stays allowed. The decoder tests it all at next to no cost.
    """
    described = {field.name: field for field in msgspec.inspect.type_info(Reading).fields}  # type: ignore[attr-defined]
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("trouble_codes", Annotated[tuple[str, ...], msgspec.Meta(max_length=0)] | None, None)
    ]
    for name, band in bands.items():
        kinds = getattr(described[name].type, "types", (described[name].type,))
        narrowed = _narrowed(kinds[0], band)
        fields.append((name, narrowed) if described[name].required else (name, narrowed | None, None))
    kind = msgspec.defstruct("HealthyReading", fields, bases=(Reading,), gc=False, omit_defaults=True)
    return cast("type[Reading]", kind)


def _narrowed(kind: Any, band: Range) -> Any:
    low, high = (max(-LARGEST_INTEGER, min(limit, LARGEST_INTEGER)) for limit in band)  # every range lies within
    is_whole = isinstance(kind, msgspec.inspect.IntType)
    if is_whole:
        low, high = floor(low), ceil(high)
    lower = {"gt": low} if low >= kind.ge else {"ge": kind.ge}
    upper = {"lt": high} if high <= kind.le else {"le": kind.le}
    number: Any = int if is_whole else float
    return Annotated[number, msgspec.Meta(**lower, **upper)]
