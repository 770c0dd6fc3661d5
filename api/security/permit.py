"""What the sender of a request may, for as long as the answer takes: a stream outlives the key that opened it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.security.roles import refusal

if TYPE_CHECKING:
    from starlette.types import Scope

    from api.security.keys import ApiKey, KeyRing
    from api.security.roles import Access


class Permit:
    """The right to one answer, judged by the keys that are in force now."""

    def __init__(self, keys: KeyRing, key: ApiKey | None, scope: Scope, needed: Access) -> None:
        """Take the request's key, None where there are no keys."""
        self._keys = keys
        self._key = key
        self._needed = needed
        client = scope.get("client")
        self.holder = f"key {key.name!r}" if key else f"address {client[0] if client else 'unknown'}"
        """Who is counted when streams are: a key, or an address where there are no keys."""

    def is_in_force(self) -> bool:
        """Return whether the same request would be let in now, whatever its rate."""
        if not self._keys.is_locked:
            return True
        now = self._now()
        return now is not None and refusal(now, self._needed) is None

    def sees_positions(self) -> bool:
        """Return whether the answer may hold places now."""
        if not self._keys.is_locked:
            return True
        now = self._now()
        return now is not None and now.sees_positions

    def _now(self) -> ApiKey | None:
        return self._keys.as_it_stands(self._key) if self._key else None
