"""Parameters that a route does not have, or is given twice, are refused: such a filter would silently be none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request

from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

_known: dict[str, frozenset[str]] = {}


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise InvalidInput, which names what the route knows, or what is given twice."""
    if not request.query_params:
        return
    route: APIRoute = request.scope["route"]
    known = _known.setdefault(route.unique_id, _parameters(route))
    if unknown := sorted(set(request.query_params) - known):
        given = ", ".join(repr(name[:50]) for name in unknown[:5])
        raise InvalidInput(f"unknown parameter {given}; {route.path} knows {', '.join(sorted(known)) or 'none'}")
    names = [name for name, _ in request.query_params.multi_items()]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise InvalidInput(f"{repeated} is given more than once; ask once for each value")


def _parameters(route: APIRoute) -> frozenset[str]:
    sources = (route.dependant, *route.dependant.dependencies)
    return frozenset(parameter.alias for source in sources for parameter in source.query_params)
