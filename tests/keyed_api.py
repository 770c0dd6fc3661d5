"""Keys for the tests of an API that asks for them."""

from __future__ import annotations

from pathlib import Path

from serving import NOW_MS

from api.role import Role
from api.security.keys import added, read_keys, write_keys


def a_key(file: Path, name: str = "ann", role: Role = "viewer", *, positions: bool = False) -> str:
    """Add a key to a file and return it."""
    key, known = added(read_keys(file), name, role, sees_positions=positions, at_ms=NOW_MS)
    write_keys(file, known)
    return key


def key_of(file: Path, name: str, role: Role = "viewer", *, positions: bool = False) -> dict[str, str]:
    """Add a key to a file and return the header that it is sent in."""
    return {"Authorization": f"Bearer {a_key(file, name, role, positions=positions)}"}
