"""What a request needs, as its route declares it, and whether a key has that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from fastapi.routing import iter_route_contexts
from starlette.routing import Match

from api.role import ROLES
from observability.cross_site import SAFE_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import Scope

    from api.role import Role
    from api.security.keys import ApiKey

    _Matches = Callable[[Scope], tuple[Match, Scope]]

_Endpoint = TypeVar("_Endpoint")
_DECLARED: Final = "_access"


class Access(NamedTuple):
    """What a request needs."""

    role: Role = "viewer"
    """The least role that may ask; a change needs an operator at least."""
    tells_places: bool = False
    """The answer is nothing without positions."""
    is_open: bool = False
    """No key is needed: a page without data, or health."""


def access(
    role: Role = "viewer", *, tells_places: bool = False, is_open: bool = False
) -> Callable[[_Endpoint], _Endpoint]:
    """Declare what an endpoint needs, where that is more or less than a viewer's key."""

    def declared(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _DECLARED, Access(role, tells_places, is_open))
        return endpoint

    return declared


class Guarded:
    """The routes of an application, asked as its router asks them: the first that takes path and method answers."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        """Take all routes of an application, which must be complete."""
        self._matches: list[_Matches] = [route.matches for route in iter_route_contexts(routes)]

    def needed(self, scope: Scope) -> Access:
        """Return what a request needs; what no route takes needs a key too."""
        found: Access = getattr(self._endpoint(scope), _DECLARED, Access())
        is_change = scope["method"] not in SAFE_METHODS
        return found._replace(role="operator") if is_change and found.role == "viewer" else found

    def _endpoint(self, scope: Scope) -> object:
        partial = None
        for matches in self._matches:
            match, child = matches(scope)
            if match == Match.FULL:
                return child.get("endpoint")
            if match == Match.PARTIAL and partial is None:
                partial = child.get("endpoint")
        return partial


def refusal(key: ApiKey, needed: Access) -> str | None:
    """Return why a key may not ask this, None if it may."""
    if ROLES.index(key.role) < ROLES.index(needed.role):
        return f"this takes the role {needed.role}; the key {key.name!r} has the role {key.role}"
    if needed.tells_places and not key.sees_positions:
        return f"the key {key.name!r} does not see positions; an administrator grants it by a key with --positions"
    return None
