"""What each role may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.role import ROLES

if TYPE_CHECKING:
    from api.role import Role
    from api.security.keys import ApiKey

_OPEN: Final = ("/health/", "/static/")
_OPEN_PAGES: Final = frozenset({"/", "/docs", "/openapi.json", "/favicon.ico"})
_FOR_ADMINS: Final = ("/v1/rejected-readings", "/v1/views/", "/v1/audit")
_PLACES: Final = ("/v1/positions",)


def is_open(path: str) -> bool:
    """Tell whether a path needs no key: pages without data, and health."""
    return path in _OPEN_PAGES or path.startswith(_OPEN)


def needed_role(method: str, path: str) -> Role:
    """Give the least role that may ask this. A change needs an operator at least."""
    if path.startswith(_FOR_ADMINS):
        return "admin"
    return "viewer" if method in {"GET", "HEAD", "OPTIONS"} else "operator"


def tells_places(path: str) -> bool:
    """Tell whether the answer is nothing without positions."""
    of_vehicle = path.startswith("/v1/vehicles/") and ("/snapshots" in path or path.endswith("/path"))
    return of_vehicle or path.startswith(_PLACES)


def refusal(key: ApiKey, method: str, path: str) -> str | None:
    """Say why a key may not ask this, None if it may."""
    needed = needed_role(method, path)
    if ROLES.index(key.role) < ROLES.index(needed):
        return f"this takes the role {needed}; the key {key.name!r} has the role {key.role}"
    if tells_places(path) and not key.sees_positions:
        return f"the key {key.name!r} does not see positions; an administrator grants it by a key with --positions"
    return None
