"""A reading's fields as data, read from its types: the ranges of signals, and the same fields without them."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec

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
